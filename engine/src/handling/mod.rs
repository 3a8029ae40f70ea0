//! What people do about alerts, from the sign-off to the outcome: [`Desk`].
//!
//! ```text
//!   raised ──▶ delivered ──▶ acknowledged ──▶ instructed ──▶ disposed
//!     │ not signed off in time       │ nor instructed   │ no outcome
//!     └──▶ district ──▶ city ◀───────┴──────────────────┘
//! ```
//!
//! The approach says when a vehicle comes ([`crate::approach`]); this says who has been told, who
//! has signed, and who has not in time. It hears every alert's events and speaks events of its own.

mod act;
mod desk;
mod file;

pub use act::{Act, Handled, Outcome, Refusal};
pub(crate) use desk::{Chain, Desk};
pub use file::Progress;
