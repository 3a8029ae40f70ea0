//! What a tracker is asked for: `**,imei:` IMEI `,B;`, answered with a position. `C` would have it
//! report over and over, but what ends that ends its usual reports, too.

use crate::{Ability, Asked, Command, Commands, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    if *command != Command::Position {
        return Err(Unsayable::Unsupported);
    }
    Ok(format!("**,imei:{},B;", asked.digits(20)?).into_bytes())
}
