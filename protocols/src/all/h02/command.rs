//! What a tracker is asked for: `*` maker `,` device `,D1,` time `,` seconds between reports `,` how
//! many `#`. No seconds end it.

use crate::{Ability, Asked, Command, Commands, Manner, Unsayable};

pub(super) static COMMANDS: Commands =
    Commands { abilities: &[Ability::Position, Ability::Interval], encode };

/// The maker's letters where a tracker speaks binary only.
const MAKER: [u8; 2] = *b"HQ";

/// The two letters with which a tracker begins.
pub(super) fn manner(maker: &str) -> Option<Manner> {
    let [first, second] = maker.strip_prefix('*')?.as_bytes() else { return None };
    Some(Manner([*first, *second, 0, 0, 0, 0, 0, 0]))
}

fn encode(asked: &Asked<'_>, command: &Command) -> Result<Vec<u8>, Unsayable> {
    let (interval_s, count) = match command {
        Command::Position => (1, 1),
        Command::ReportEvery { interval_s, for_s } => {
            let interval_s = u32::from(*interval_s).max(1);
            (interval_s, for_s.div_ceil(interval_s))
        }
        Command::ReportAsUsual => (0, 0),
        Command::Text(_) => return Err(Unsayable::Unsupported),
    };
    let device = asked.identity(1, 20)?;
    let maker = match asked.manner.0 {
        [first, second, ..] if first.is_ascii_alphanumeric() && second.is_ascii_alphanumeric() => {
            [first, second]
        }
        _ => MAKER,
    };
    let [first, second] = maker.map(char::from);
    let (_, (hour, minute, second_of_minute)) = asked.now.to_civil(0);
    let time = format!("{hour:02}{minute:02}{second_of_minute:02}");
    Ok(format!("*{first}{second},{device},D1,{time},{interval_s},{count}#").into_bytes())
}
