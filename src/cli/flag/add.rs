//! `interdict flag add`.

use std::io::Write;

use serde_json::{Value, json};

use super::super::remote::{ServerArguments, local, members, text, zone};
use super::named;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// The vehicle, by its identity or its plate
    #[arg(long, value_name = "ID|PLATE")]
    vehicle: String,
    /// Why, by code, such as `stolen`; `flag reasons` lists them
    #[arg(long, value_name = "CODE")]
    reason: String,
    /// The case that it serves
    #[arg(long, value_name = "TEXT")]
    case: String,
    /// Who orders it
    #[arg(long, value_name = "TEXT")]
    authority: String,
    /// It holds at once, and lapses after 24 hours unless somebody approves it
    #[arg(long)]
    emergency: bool,
    /// An exercise: marked so everywhere, and in no report
    #[arg(long)]
    drill: bool,
    /// What is to be done, where the reason allows both: intercept or observe
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// 1 (most urgent) to 4
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
    priority: Option<u8>,
    /// What officers are to do
    #[arg(long, value_name = "TEXT")]
    instruction: Option<String>,
    /// What officers must beware of; repeats
    #[arg(long = "caution", value_name = "TEXT")]
    cautions: Vec<String>,
    /// Whom to call
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// The unit whose it is, where that is not one's own
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// How far it reaches: unit, or linked to the whole city and its neighbours
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// A unit that alone may see it, with one's own and the others named; repeats
    #[arg(long = "covert", value_name = "UNIT")]
    covert: Vec<String>,
    /// When it begins, such as 2026-06-15T02:00:00Z; at once if not given
    #[arg(long, value_name = "TIME")]
    starts: Option<String>,
    /// When it ends by itself, 30 days at the latest
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = crate::text::seconds)]
    expires: f64,
    /// Of a vehicle without a tracker: the colour of its plate
    #[arg(long, value_name = "COLOUR")]
    plate_colour: Option<String>,
    /// Of a vehicle without a tracker: armoured, taxi, corporate, patrol or other
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Of a vehicle without a tracker: make and model
    #[arg(long, value_name = "TEXT")]
    make: Option<String>,
    /// Of a vehicle without a tracker: the colour of its paint
    #[arg(long, value_name = "COLOUR")]
    colour: Option<String>,
    /// Of a vehicle without a tracker: its identification number
    #[arg(long, value_name = "VIN")]
    vin: Option<String>,
    /// The zone of the times shown
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: jiff::tz::TimeZone,
}

impl Arguments {
    fn body(&self) -> Value {
        let mut body = json!({
            "vehicle": self.vehicle,
            "reason": self.reason,
            "case": self.case,
            "authority": self.authority,
            "emergency": self.emergency,
            "drill": self.drill,
            "cautions": self.cautions,
            "covert": self.covert,
            "expires_s": self.expires,
        });
        let texts = [
            ("action", &self.action),
            ("instruction", &self.instruction),
            ("contact", &self.contact),
            ("unit", &self.unit),
            ("scope", &self.scope),
            ("starts_at", &self.starts),
            ("plate_colour", &self.plate_colour),
            ("class", &self.class),
            ("make", &self.make),
            ("colour", &self.colour),
            ("vin", &self.vin),
        ];
        let texts = texts.into_iter().map(|(name, text)| (name, text.clone().map(Value::from)));
        let optional = texts.chain([("priority", self.priority.map(Value::from))]);
        if let Some(body) = body.as_object_mut() {
            body.extend(optional.filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        body
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let flag = arguments.server.client()?.post("/v1/flags", &arguments.body())?;
    let time = |name: &str| local(flag.get(name).unwrap_or(&Value::Null), &arguments.zone);
    let (id, named) = (text(&flag, "/id"), named(&flag));
    let out = &mut std::io::stdout();
    let approver = text(&flag, "/approver");
    match text(&flag, "/state").as_str() {
        "applied" => writeln!(
            out,
            "flag {id} on {named} waits for approval by another person, of a {approver} or above; \
             until {}",
            time("ends_at")
        )?,
        _ => writeln!(
            out,
            "flag {id} on {named} holds until {} unless it is approved, by another person, of a \
             {approver} or above; then until {}",
            time("ends_at"),
            time("expires_at")
        )?,
    }
    match (text(&flag, "/tracker").as_str(), time("last_heard_at").as_str()) {
        ("none", _) => {
            writeln!(out, "  tracker: none; it is found where people and cameras see it")?
        }
        (_, "-") => {
            writeln!(out, "  tracker: not heard today; matched by {}", text(&flag, "/match"))?
        }
        (_, heard) => {
            writeln!(out, "  tracker: last heard {heard}; matched by {}", text(&flag, "/match"))?;
        }
    }
    let unit = text(&flag, "/unit");
    if text(&flag, "/scope") == "unit" && unit != "-" {
        writeln!(
            out,
            "  reaches the checkpoints of {unit} and what is under it; all with --scope linked"
        )?;
    }
    for near in members(&flag, "near") {
        let plate = text(near, "/plate");
        let how = match text(near, "/alike").as_str() {
            "other_colour" => "the same plate, of another colour",
            "lookalike" => "letters that look alike",
            _ => "one letter is another one, missing or too many",
        };
        let (class, id) = (text(near, "/class"), text(near, "/id"));
        writeln!(out, "  near: {plate} ({class}, {id}): {how}")?;
    }
    Ok(())
}
