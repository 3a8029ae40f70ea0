//! `interdict device`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::remote::{
    Format, Reason, ServerArguments, json_lines, local, members, table, text, zone,
};
use super::terminal::escape;
use crate::client::{Client, ClientError, segment};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Let a device be heard, or change what is known of it and its vehicle
    Enrol(Box<Enrol>),
    /// Hear a device no longer
    Revoke {
        #[command(flatten)]
        server: ServerArguments,
        /// The device's IMEI or terminal number
        device: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Put another device in the place of one, in its vehicle
    Swap {
        #[command(flatten)]
        server: ServerArguments,
        /// The IMEI or terminal number of the device that goes
        old: String,
        /// The IMEI or terminal number of the one that comes
        new: String,
        /// The new device's model, where it is another
        #[arg(long)]
        model: Option<String>,
        /// The datum that the new device reports in, where it is another
        #[arg(long, value_parser = ["wgs84", "gcj02", "bd09"])]
        datum: Option<String>,
        /// The registration token that another platform gave the new device
        #[arg(long)]
        token: Option<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// Ask a device for its position, now
    Ask {
        #[command(flatten)]
        server: ServerArguments,
        /// The device's IMEI or terminal number
        device: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Show a text to the driver, where the device has a display
    Text {
        #[command(flatten)]
        server: ServerArguments,
        /// The device's IMEI or terminal number
        device: String,
        /// The text
        text: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// List the enrolled devices, or those that were refused
    List {
        #[command(flatten)]
        server: ServerArguments,
        /// List the devices that wanted to be heard and are not enrolled
        #[arg(long)]
        refused: bool,
        /// How the list is written
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// The zone of the times shown
        #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
        zone: jiff::tz::TimeZone,
    },
    /// Enrol a fleet from CSV with the header device,vehicle,plate,class,unit
    Import {
        #[command(flatten)]
        server: ServerArguments,
        /// The file; `-` is standard input
        file: PathBuf,
        /// Enrol the good lines also where others are bad
        #[arg(long)]
        skip_bad: bool,
        #[command(flatten)]
        reason: Reason,
    },
}

#[derive(clap::Args)]
struct Enrol {
    #[command(flatten)]
    server: ServerArguments,
    /// The device's IMEI or terminal number
    #[arg(long, value_name = "ID")]
    device: String,
    /// The vehicle that carries it
    #[arg(long, value_name = "ID")]
    vehicle: String,
    /// The vehicle's plate
    #[arg(long)]
    plate: Option<String>,
    /// The vehicle's class
    #[arg(long, value_parser = ["armoured", "taxi", "corporate", "patrol", "other"])]
    class: Option<String>,
    /// The unit or company that it belongs to
    #[arg(long)]
    unit: Option<String>,
    /// The vehicle's make and model
    #[arg(long)]
    make: Option<String>,
    /// The vehicle's colour
    #[arg(long)]
    colour: Option<String>,
    /// The device's model
    #[arg(long)]
    model: Option<String>,
    /// The datum that the device reports in, where its frames do not say
    #[arg(long, value_parser = ["wgs84", "gcj02", "bd09"])]
    datum: Option<String>,
    /// The registration token that another platform gave the device
    #[arg(long)]
    token: Option<String>,
    #[command(flatten)]
    reason: Reason,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Enrol(arguments) => {
            let answer = arguments
                .server
                .client()?
                .post(&arguments.reason.on("/v1/devices"), &arguments.body())?;
            let (device, vehicle) =
                (text(&answer, "/device/device"), text(&answer, "/device/vehicle/id"));
            let out = &mut std::io::stdout();
            writeln!(out, "{}: {device} in {vehicle}", text(&answer, "/change"))?;
        }
        Command::Revoke { server, device, reason } => {
            let path = reason.on(&format!("/v1/devices/{}", segment(&device)));
            let answer = server.client()?.delete(&path)?;
            writeln!(std::io::stdout(), "revoked: {}", text(&answer, "/device"))?;
        }
        Command::Swap { server, old, new, model, datum, token, reason } => {
            let path = reason.on(&format!("/v1/devices/{}/swap", segment(&old)));
            let body = json!({ "device": new, "model": model, "datum": datum, "token": token });
            let answer = server.client()?.post(&path, &body)?;
            let (device, vehicle) = (text(&answer, "/device"), text(&answer, "/vehicle/id"));
            let out = &mut std::io::stdout();
            writeln!(out, "swapped: {device} in {vehicle}, in place of {}", escape(&old))?;
        }
        Command::Ask { server, device, reason } => {
            let path = reason.on(&format!("/v1/devices/{}/ask", segment(&device)));
            said(&server.client()?.post(&path, &Value::Null)?)?;
        }
        Command::Text { server, device, text, reason } => {
            let path = reason.on(&format!("/v1/devices/{}/text", segment(&device)));
            said(&server.client()?.post(&path, &json!({ "text": text }))?)?;
        }
        Command::List { server, refused: true, format, zone } => {
            let refused = server.client()?.list("/v1/devices/refused", "refused")?;
            match format {
                Format::Json => json_lines(&refused)?,
                Format::Human => list_refused(&refused, &zone)?,
            }
        }
        Command::List { server, format, zone, .. } => list(&server.client()?, format, &zone)?,
        Command::Import { server, file, skip_bad, reason } => {
            let path = reason.on(&format!("/v1/devices/import?skip_bad={skip_bad}"));
            return import(&server.client()?, &path, &file);
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Enrol {
    fn body(&self) -> Value {
        let given = [
            ("device", Some(&self.device)),
            ("vehicle", Some(&self.vehicle)),
            ("plate", self.plate.as_ref()),
            ("class", self.class.as_ref()),
            ("unit", self.unit.as_ref()),
            ("make", self.make.as_ref()),
            ("colour", self.colour.as_ref()),
            ("model", self.model.as_ref()),
            ("datum", self.datum.as_ref()),
            ("token", self.token.as_ref()),
        ];
        let given = given.into_iter().filter_map(|(name, text)| Some((name, text?)));
        Value::Object(
            given.map(|(name, text)| (name.into(), text.as_str().into())).collect::<Map<_, _>>(),
        )
    }
}

/// What a device was asked for; whether it obeys is seen by its reports.
fn said(answer: &Value) -> std::io::Result<()> {
    let [device, asked, protocol] =
        ["/device", "/asked", "/protocol"].map(|pointer| text(answer, pointer));
    writeln!(std::io::stdout(), "asked: {device} for {asked}, in {protocol}")
}

fn list(client: &Client, format: Format, zone: &jiff::tz::TimeZone) -> anyhow::Result<()> {
    let devices = client.list("/v1/devices", "devices")?;
    if format == Format::Json {
        return Ok(json_lines(&devices)?);
    }
    if devices.is_empty() {
        return Ok(writeln!(std::io::stdout(), "no device is enrolled")?);
    }
    let heading = ["device", "vehicle", "plate", "class", "unit", "model", "heard"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(devices.iter().map(|device| {
        let pointers = [
            "/device",
            "/vehicle/id",
            "/vehicle/plate",
            "/vehicle/class",
            "/vehicle/unit",
            "/model",
        ];
        let mut row = pointers.map(|pointer| text(device, pointer)).to_vec();
        row.push(local(device.pointer("/health/heard_at").unwrap_or(&Value::Null), zone));
        row
    }));
    Ok(table(&rows)?)
}

fn list_refused(refused: &[Value], zone: &jiff::tz::TimeZone) -> std::io::Result<()> {
    if refused.is_empty() {
        return writeln!(std::io::stdout(), "no device was refused");
    }
    let heading = ["device", "protocol", "peer", "count", "first seen", "last seen"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(refused.iter().map(|device| {
        let time = |name: &str| local(device.get(name).unwrap_or(&Value::Null), zone);
        let mut row: Vec<_> = ["/device", "/protocol", "/peer", "/count"]
            .map(|pointer| text(device, pointer))
            .to_vec();
        row.extend([time("first_seen"), time("last_seen")]);
        row
    }));
    table(&rows)
}

fn import(client: &Client, path: &str, file: &Path) -> anyhow::Result<ExitCode> {
    let (report, done) = match client.post_csv(path, read(file)?) {
        Ok(report) => (report, true),
        Err(ClientError::Refused { problem, .. }) if problem.get("report").is_some() => {
            (problem.get("report").cloned().unwrap_or_default(), false)
        }
        Err(error) => return Err(error.into()),
    };
    let bad_lines = members(&report, "bad_lines");
    for bad in bad_lines {
        let (line, reason) = (text(bad, "/line"), text(bad, "/reason"));
        eprintln!("{}:{line}: {reason}", escape(&file.display().to_string()));
    }
    let bad = report.get("bad").and_then(Value::as_u64).unwrap_or_default();
    if bad > bad_lines.len() as u64 {
        eprintln!("and {} more bad lines", bad - bad_lines.len() as u64);
    }
    if !done {
        anyhow::bail!("{bad} bad lines: nothing was enrolled; mend them, or use --skip-bad");
    }
    let count = |name: &str| text(&report, name);
    let out = &mut std::io::stdout();
    writeln!(
        out,
        "{} added, {} changed, {} as before, {bad} bad",
        count("/added"),
        count("/changed"),
        count("/unchanged")
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{} is not UTF-8 text: save it as UTF-8", file.display()))
}
