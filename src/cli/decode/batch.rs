//! Whole connections, one JSON line each, one JSON line out for each.

use std::io::{self, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use interdict_protocols::{Connection, DeviceId, Item, Transport};
use serde::{Deserialize, Serialize};

use super::{Peer, Task};
use crate::text::{LONGEST, Line, Lines, bytes};

#[derive(Deserialize)]
struct Request {
    wire: String,
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    transport: Option<Way>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Tcp,
    Udp,
    Http,
}

#[derive(Serialize)]
struct Answer {
    items: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Answers every line, wrong ones too: exit code 0, since each error is told in its answer.
pub(super) fn run(
    task: &Task,
    defaults: &Peer,
    input: impl Read,
    out: &mut impl Write,
) -> io::Result<ExitCode> {
    let mut lines = Lines::new(BufReader::new(input));
    while let Some((_, line)) = lines.next()? {
        let result = match line {
            Line::Text(text) => serde_json::from_str::<Request>(&text)
                .map_err(|error| error.to_string())
                .and_then(|request| decode(task, defaults, &request)),
            Line::TooLong => Err(format!("longer than {LONGEST} characters")),
            Line::NotText => Err("not UTF-8".to_owned()),
        };
        let answer = match result {
            Ok(items) => Answer { items, error: None },
            Err(error) => Answer { items: Vec::new(), error: Some(error) },
        };
        serde_json::to_writer(&mut *out, &answer)?;
        out.write_all(b"\n")?;
        if !lines.has_more_at_hand() {
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn decode(task: &Task, defaults: &Peer, request: &Request) -> Result<Vec<Item>, String> {
    let wire = bytes(&request.wire).map_err(|error| format!("wire: {error}"))?;
    let udp = request.transport.map_or(defaults.udp, |way| way == Way::Udp);
    let device = request.device.as_deref().map(DeviceId::from).or_else(|| defaults.device.clone());
    let model = request.model.as_deref().map(Arc::from).or_else(|| defaults.model.clone());
    let lending = task.lending(model);
    let lent = task.lent(&lending);
    let transport = if udp { Transport::Udp } else { Transport::Tcp };
    let mut connection = Connection::new(task.protocol, transport, device);
    let mut items = Vec::new();
    if udp {
        connection.datagram(&wire, &lent, &mut items);
    } else {
        connection.receive(&wire, &lent, &mut items);
        connection.close(&lent, &mut items);
    }
    Ok(items)
}
