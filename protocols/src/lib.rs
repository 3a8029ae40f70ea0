//! Decoders of vehicle trackers' protocols: bytes in, values out.
//!
//! Start at [`Protocol`], which says everything of one protocol as data, and at [`Connection`],
//! which takes the bytes of one connection apart with it and gives [`Item`]s. Nothing here opens a
//! socket, reads a clock or panics on what a stranger sends.
//!
//! ```
//! use interdict_protocols::{Connection, Lent, Time, Transport, find};
//!
//! let t55 = find("t55").ok_or("no such protocol")?;
//! let mut connection = Connection::new(t55, Transport::Tcp, None);
//! let lent = Lent { received_at: Time::from_seconds(0), installation: &() };
//! let mut items = Vec::new();
//! connection.receive(b"$GPZDA,024611.08,25,03,2002,00,00*6A\r\n", &lent, &mut items);
//! assert!(connection.is_open());
//! # Ok::<(), &str>(())
//! ```

mod alarm;
mod all;
mod attributes;
mod command;
mod connection;
pub mod field;
mod fix;
mod framing;
#[doc(hidden)]
pub mod hostile;
mod item;
mod platform;
mod protocol;
mod reject;
#[cfg(feature = "schema")]
mod schema;
mod time;
mod tokens;
pub mod tracker;

pub use alarm::{Alarm, AlarmSet};
pub use all::{ALL, PLATFORM_VEHICLE, PlatformLink, SubLink, SubLinkState, find};
pub use attributes::{Attributes, Known, Name, Value};
pub use command::{Ability, Asked, Command, Commands, Manner, Unsayable};
pub use connection::{Connection, Lent};
pub use fix::{Datum, DeviceId, Fix};
pub use framing::{Framer, Step};
pub use item::{Item, Login, Standing, When};
pub use platform::{Cipher, PlatformLogin, PlatformRefusal};
pub use protocol::{Context, Decoder, Installation, Out, Protocol, Transport, Transports};
pub use reject::{Reason, Reject};
pub use time::Time;
pub use tokens::HmacTokens;
