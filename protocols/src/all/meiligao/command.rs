//! What a tracker is asked for: 4101, answered with 9955. 4102 would have it report over and over,
//! but sets its usual interval.

use crate::{Ability, Asked, Command, Commands, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

const TRACK_ON_DEMAND: u16 = 0x4101;

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    if *command != Command::Position {
        return Err(Unsayable::Unsupported);
    }
    // Two digits a byte, filled with F.
    let digits = format!("{:f<14}", asked.digits(14)?);
    let number = u64::from_str_radix(&digits, 16).map_err(|_| Unsayable::Identity)?;
    let [_, number @ ..] = number.to_be_bytes();
    Ok(super::answer(number, TRACK_ON_DEMAND, &[]))
}
