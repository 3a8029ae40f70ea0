//! What a tracker is asked for: 0x80, a command as text behind its length and four bytes of ours,
//! which the answer repeats.

use super::framing::Form;
use super::message::frame;
use crate::{Ability, Asked, Command, Commands, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

const ONLINE_COMMAND: u8 = 0x80;
/// Answered with a line of text: see [`super::place`].
const WHERE_ARE_YOU: &[u8] = b"WHERE#";

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    if *command != Command::Position {
        return Err(Unsayable::Unsupported);
    }
    let ours = u32::from(asked.serial).to_be_bytes();
    let length = u8::try_from(WHERE_ARE_YOU.len().saturating_add(ours.len())).unwrap_or_default();
    let content = [&[length][..], &ours, WHERE_ARE_YOU].concat();
    Ok(frame(Form::Basic, ONLINE_COMMAND, &content, asked.serial))
}
