//! What a tracker is asked for: to show a text, `#M#` text, in version 2.0 with `;` and a checksum
//! behind it.

use crate::command::{plain, within};
use crate::field::checksum::crc16_arc;
use crate::{Ability, Asked, Command, Commands, Manner, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Text], encode };

/// What a driver reads at a glance, and any terminal takes.
const TEXT_MAX: usize = 1000;

/// Whether a tracker speaks version 2.0.
pub(super) const fn manner(is_second: bool) -> Manner {
    Manner([is_second as u8, 0, 0, 0, 0, 0, 0, 0])
}

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    let Command::Text(text) = command else { return Err(Unsayable::Unsupported) };
    let text = plain(text, &['#', ';', '|'])?;
    within(text.len(), TEXT_MAX)?;
    if asked.manner != manner(true) {
        return Ok(format!("#M#{text}\r\n").into_bytes());
    }
    let summed = format!("{text};");
    let sum = crc16_arc(summed.as_bytes());
    Ok(format!("#M#{summed}{sum:04X}\r\n").into_bytes())
}
