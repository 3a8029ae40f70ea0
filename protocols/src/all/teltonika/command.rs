//! What a device is asked for: codec 12, type 5, a command as text.

use crate::field::checksum::crc16_arc;
use crate::{Ability, Asked, Command, Commands, Transport, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

const CODEC_12: u8 = 0x0c;
const COMMAND: u8 = 5;
/// Every model answers it with a line of text: see [`super::messages`].
const WHERE_ARE_YOU: &[u8] = b"getgps";

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    match (command, asked.transport) {
        (Command::Position, Transport::Tcp) => Ok(frame(WHERE_ARE_YOU)),
        _ => Err(Unsayable::Unsupported),
    }
}

fn frame(text: &[u8]) -> Vec<u8> {
    let size = u32::try_from(text.len()).unwrap_or_default().to_be_bytes();
    let data = [&[CODEC_12, 1, COMMAND][..], &size, text, &[1]].concat();
    let length = u32::try_from(data.len()).unwrap_or_default().to_be_bytes();
    let sum = u32::from(crc16_arc(&data)).to_be_bytes();
    [&[0; 4][..], &length, &data, &sum].concat()
}
