//! `interdict alert`.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::event_line::mark;
use super::remote::{
    Format, Reason, ServerArguments, json_lines, local, members, table, text, zone,
};
use crate::client::segment;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the open alerts, and those that want their outcome
    List {
        #[command(flatten)]
        server: ServerArguments,
        #[command(flatten)]
        reason: Reason,
        /// How the list is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// The zone of the times shown
        #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
        zone: jiff::tz::TimeZone,
    },
    /// Sign an alert off
    Ack {
        #[command(flatten)]
        which: Which,
    },
    /// Say what is to be done
    Instruct {
        #[command(flatten)]
        which: Which,
        /// What
        text: String,
    },
    /// Say how it ended
    Dispose {
        #[command(flatten)]
        which: Which,
        /// How
        #[arg(value_parser = ["intercepted", "cleared", "missed", "diverted", "false"])]
        outcome: String,
        /// In more words; needed for false
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// How alerts were handled: on time, late, never, and how they ended
    Report {
        #[command(flatten)]
        server: ServerArguments,
        /// Alerts raised from then on; a day before the end where nothing is said
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Alerts raised until then; now where nothing is said
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// Only this unit and those under it
        #[arg(long)]
        unit: Option<String>,
        /// How the report is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
    },
}

#[derive(clap::Args)]
struct Which {
    #[command(flatten)]
    server: ServerArguments,
    /// The alert, as `alert list` names it
    alert: String,
    /// For which unit; your own where nothing is said
    #[arg(long)]
    unit: Option<String>,
}

impl Which {
    fn post(&self, step: &str, body: Value) -> anyhow::Result<()> {
        let mut body = body;
        if let (Some(body), Some(unit)) = (body.as_object_mut(), &self.unit) {
            body.insert("unit".to_owned(), json!(unit));
        }
        let path = format!("/v1/alerts/{}/{step}", segment(&self.alert));
        let report = self.server.client()?.post(&path, &body)?;
        let out = &mut std::io::stdout();
        writeln!(out, "alert {} is {}", text(&report, "/alert"), text(&report, "/handling"))?;
        Ok(())
    }
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::List { server, reason, format, zone } => {
            let answer = server.client()?.get(&reason.on("/v1/alerts"))?;
            let alerts = members(&answer, "alerts").iter().chain(members(&answer, "to_dispose"));
            let alerts: Vec<&Value> = alerts.collect();
            match format {
                Format::Json => json_lines(alerts)?,
                Format::Human => list(&alerts, &zone)?,
            }
        }
        Command::Ack { which } => which.post("acknowledge", json!({}))?,
        Command::Instruct { which, text } => which.post("instruct", json!({ "text": text }))?,
        Command::Dispose { which, outcome, reason } => {
            which.post("dispose", json!({ "outcome": outcome, "reason": reason }))?;
        }
        Command::Report { server, from, to, unit, format } => {
            let given = [("from", &from), ("to", &to), ("unit", &unit)];
            let query: Vec<String> = given
                .iter()
                .filter_map(|(name, value)| Some(format!("{name}={}", segment(value.as_ref()?))))
                .collect();
            let report =
                server.client()?.get(&format!("/v1/reports/alerts?{}", query.join("&")))?;
            match format {
                Format::Json => json_lines([&report])?,
                Format::Human => print_report(&report)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(alerts: &[&Value], zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    if alerts.is_empty() {
        return writeln!(std::io::stdout(), "no alert is open");
    }
    let heading = [
        "alert",
        "vehicle",
        "checkpoint",
        "action",
        "at",
        "probability",
        "handling",
        "told to",
        "due",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(alerts.iter().map(|alert| {
        let time = |name: &str| local(alert.get(name).unwrap_or(&Value::Null), zone);
        let told: Vec<String> = members(alert, "told").iter().map(|unit| text(unit, "")).collect();
        let vehicle = match text(alert, "/vehicle/plate").as_str() {
            "-" => text(alert, "/vehicle/id"),
            plate => plate.to_owned(),
        };
        let vehicle = format!("{}{vehicle}", mark(alert));
        vec![
            text(alert, "/alert"),
            vehicle,
            text(alert, "/checkpoint/name"),
            text(alert, "/flag/action"),
            time("eta_at"),
            text(alert, "/probability"),
            text(alert, "/handling"),
            told.join(", "),
            time("due_at"),
        ]
    }));
    table(&rows)
}

fn print_report(report: &Value) -> std::io::Result<()> {
    let heading = [
        "unit",
        "raised",
        "signed",
        "instructed",
        "outcome told",
        "escalated",
        "lead p50",
        "intercepted",
        "missed",
        "cleared",
        "diverted",
        "false",
        "unwarned",
        "recall",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let row = |name: &str, unit: &Value| {
        let step = |step: &str| {
            let count = |name: &str| text(unit, &format!("/{step}/{name}"));
            format!(
                "{} on time, {} late, {} never",
                count("on_time"),
                count("late"),
                count("never")
            )
        };
        let outcome = |name: &str| match text(unit, &format!("/outcomes/{name}")).as_str() {
            "-" => "0".to_owned(),
            count => count.to_owned(),
        };
        let recall = unit.get("recall").and_then(Value::as_f64);
        let lead = unit.pointer("/lead_s/1").and_then(Value::as_f64);
        vec![
            name.to_owned(),
            text(unit, "/raised"),
            step("signed"),
            step("instructed"),
            step("disposed"),
            text(unit, "/escalated"),
            lead.map_or_else(|| "-".to_owned(), |lead_s| format!("{lead_s:.0} s")),
            outcome("intercepted"),
            outcome("missed"),
            outcome("cleared"),
            outcome("diverted"),
            outcome("false"),
            text(unit, "/unwarned"),
            recall.map_or_else(|| "-".to_owned(), |recall| format!("{recall:.2}")),
        ]
    };
    if let Some(units) = report.get("units").and_then(Value::as_object) {
        rows.extend(units.iter().map(|(name, unit)| row(&super::terminal::escape(name), unit)));
    }
    rows.push(row("all", report.get("total").unwrap_or(&Value::Null)));
    table(&rows)
}
