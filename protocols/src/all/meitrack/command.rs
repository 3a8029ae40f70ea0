//! What a tracker is asked for: `A10`, answered with `AAA` and event 34.

use crate::{Ability, Asked, Command, Commands, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    if *command != Command::Position {
        return Err(Unsayable::Unsupported);
    }
    // A flag is a letter of our choice, which the answer repeats.
    let flag = b'A'.saturating_add(u8::try_from(asked.serial % 26).unwrap_or_default());
    Ok(super::answer(flag, asked.identity(10, 20)?, "A10"))
}
