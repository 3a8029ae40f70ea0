//! [`Paint`]: colours, where a terminal shows them.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};

pub(super) const URGENT: Style = AnsiColor::BrightRed.on_default().bold();
pub(super) const SOON: Style = AnsiColor::Yellow.on_default();
pub(super) const CALM: Style = Style::new();
pub(super) const NAME: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const NOTE: Style = AnsiColor::Cyan.on_default();

/// Whether text is coloured.
#[derive(Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// Colours on a terminal, unless NO_COLOR asks for none (no-color.org).
    pub(super) fn of_terminal() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !unwanted)
    }

    #[cfg(test)]
    pub(super) const fn none() -> Self {
        Self(false)
    }

    pub(super) fn with(self, style: Style, text: &str) -> String {
        if self.0 && style != CALM { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// The line of an event of that type.
    pub(super) fn event(self, kind: &str, line: &str) -> String {
        let style = match kind.strip_prefix("interdict.").unwrap_or(kind) {
            "alert.raised" | "alert.escalated" | "device.alarm" | "device.mass-alarm" => URGENT,
            "alert.updated" | "vehicle.silent" | "device.conflict" => SOON,
            "alert.passed" | "alert.left" | "alert.disposed" => GOOD,
            "alert.withdrawn" | "alert.watch" | "alert.delivered" => FAINT,
            "alert.acknowledged" | "alert.instructed" => NOTE,
            _ => CALM,
        };
        self.with(style, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_end_where_they_began() {
        let line = Paint(true).event("interdict.alert.raised", "x");
        assert!(line.starts_with("\u{1b}[") && line.ends_with("\u{1b}[0m"), "{line:?}");
        assert_eq!(Paint(true).event("interdict.flag.added", "x"), "x");
        assert_eq!(Paint::none().event("interdict.alert.raised", "x"), "x");
    }
}
