//! What a watch is asked for: `CR`, answered with positions for a while; `MESSAGE,` a text in UTF-16
//! as hexadecimal.

use std::fmt::Write as _;

use crate::command::{plain, within};
use crate::{Ability, Asked, Command, Commands, Manner, Unsayable};

pub(super) static COMMANDS: Commands =
    Commands { abilities: &[Ability::Position, Ability::Text], encode };

/// The maker's letters where nothing was heard of it.
const MAKER: [u8; 2] = *b"3G";
/// Characters that a watch's screen scrolls through, as bytes of UTF-16.
const TEXT_MAX: usize = 400;

/// The maker's two letters, and whether messages are numbered.
pub(super) const fn manner(maker: [u8; 2], has_number: bool) -> Manner {
    let [first, second] = maker;
    Manner([first, second, has_number as u8, 0, 0, 0, 0, 0])
}

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    let content = match command {
        Command::Position => "CR".to_owned(),
        Command::Text(text) => {
            let units: Vec<u16> = plain(text, &[])?.encode_utf16().collect();
            within(units.len().saturating_mul(2), TEXT_MAX)?;
            units.iter().fold("MESSAGE,".to_owned(), |mut content, unit| {
                // Writing to a string cannot fail.
                let _ = write!(content, "{unit:04x}");
                content
            })
        }
        Command::ReportEvery { .. } | Command::ReportAsUsual => {
            return Err(Unsayable::Unsupported);
        }
    };
    let device = asked.identity(4, 20)?;
    let [first, second, has_number, ..] = asked.manner.0;
    let maker = if first == 0 { MAKER } else { [first, second] };
    let [first, second] = maker.map(char::from);
    let number = if has_number == 1 { format!("{:04X}*", asked.serial) } else { String::new() };
    let length = content.len();
    Ok(format!("[{first}{second}*{device}*{number}{length:04x}*{content}]").into_bytes())
}
