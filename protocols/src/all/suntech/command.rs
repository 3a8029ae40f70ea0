//! What a tracker is asked for: `ST300CMD;` device `;02;StatusReq` and a carriage return, with the
//! series by which it calls itself. The universal series has other commands.

use crate::{Ability, Asked, Command, Commands, Manner, Unsayable};

pub(super) static COMMANDS: Commands = Commands { abilities: &[Ability::Position], encode };

/// The series, which stands first in its messages: `SA200`, `ST300`, …
pub(super) fn manner(head: &[u8]) -> Manner {
    match *head {
        [b'S', kind @ (b'A' | b'T'), a, b, c, _, _, _]
            if [a, b, c].iter().all(u8::is_ascii_alphanumeric) =>
        {
            Manner([b'S', kind, a, b, c, 0, 0, 0])
        }
        _ => Manner::default(),
    }
}

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    let series = match (command, asked.manner.0) {
        (Command::Position, [b'S', kind, a, b, c, ..]) => [b'S', kind, a, b, c],
        _ => return Err(Unsayable::Unsupported),
    };
    let rest = format!("CMD;{};02;StatusReq\r", asked.identity(3, 20)?);
    Ok([&series[..], rest.as_bytes()].concat())
}
