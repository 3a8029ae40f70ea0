//! What a tracker is asked for: `(` device `AP00)`, answered with a position. `AR00` would have it
//! report over and over, but sets its usual interval. The comma-separated kin has other commands.

use crate::{Ability, Asked, Command, Commands, Manner, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

/// Whether a tracker separates by commas.
pub(super) const fn manner(has_commas: bool) -> Manner {
    Manner([has_commas as u8, 0, 0, 0, 0, 0, 0, 0])
}

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    if *command != Command::Position || asked.manner == manner(true) {
        return Err(Unsayable::Unsupported);
    }
    Ok(format!("({}AP00)", asked.identity(10, 15)?).into_bytes())
}
