//! What a tracker is asked for: `AT+GTRTO=` password `,1,,,,,,` a count of ours `$`, answered with
//! `+RESP:GTRTL`. Trackers that speak binary understand the text, too.

use crate::{Ability, Asked, Command, Commands, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

/// The password from the factory: the name of the first model, which most of the text family kept.
const PASSWORD: &str = "gl200";

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    if *command != Command::Position {
        return Err(Unsayable::Unsupported);
    }
    let (password, count) = (asked.password_or(PASSWORD)?, asked.serial);
    Ok(format!("AT+GTRTO={password},1,,,,,,{count:04X}$").into_bytes())
}
