//! An endpoint that webhooks are sent to: it can be down, slow, or refuse.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Delivery {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub(crate) fn sequence(&self) -> u64 {
        let event = self.event();
        event["sequence"].as_str().expect("a sequence").parse().expect("a number")
    }

    /// Whether a signature of the header is that of `secret`.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key =
            STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
        let (id, time) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let content = format!("{id}.{time}.{}", self.body);
        let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, content.as_bytes())));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// HMAC by its definition (RFC 2104), so that the sender's is not held to itself.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    assert!(key.len() <= 64, "longer keys are hashed first");
    let pad = |fill: u8| {
        let mut block = [fill; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

type Answer = Box<dyn Fn(&Delivery) -> String + Send + Sync>;

struct Shared {
    answer: Answer,
    taken: Mutex<Vec<Delivery>>,
    is_over: AtomicBool,
    /// Connections, to be cut.
    open: Mutex<Vec<TcpStream>>,
    tls: Option<Arc<ServerConfig>>,
}

/// A listening endpoint; down once it is dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

/// An answer of this status, without a body.
pub(crate) fn status(status: u16) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n")
}

impl Receiver {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::answering(|_| status(204))
    }

    pub(crate) fn answering(answer: impl Fn(&Delivery) -> String + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", Box::new(answer), None)
    }

    /// One that takes everything, at an address where one was before.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        Self::listen(&address.to_string(), Box::new(|_| status(204)), None)
    }

    pub(crate) fn with_tls(tls: ServerConfig) -> Self {
        Self::listen("127.0.0.1:0", Box::new(|_| status(204)), Some(Arc::new(tls)))
    }

    /// One that answers nothing until the other end of this is dropped, and takes everything then.
    pub(crate) fn slow() -> (Self, mpsc::SyncSender<()>) {
        let (release, released) = mpsc::sync_channel::<()>(0);
        let released = Mutex::new(released);
        let receiver = Self::answering(move |_| {
            // Ends with an error, since nothing is ever sent.
            let _ = released.lock().expect("no panic").recv();
            status(204)
        });
        (receiver, release)
    }

    fn listen(address: &str, answer: Answer, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(address).expect("the port is free");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            answer,
            taken: Mutex::default(),
            is_over: AtomicBool::new(false),
            open: Mutex::default(),
            tls,
        });
        let of_all = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_all.is_over.load(Ordering::SeqCst) {
                    return;
                }
                of_all.open.lock().unwrap().push(stream.try_clone().expect("a handle"));
                let of_one = Arc::clone(&of_all);
                std::thread::spawn(move || of_one.serve(stream));
            }
        });
        Self { address, shared, listening: Some(listening) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What came so far, in order.
    pub(crate) fn taken(&self) -> Vec<Delivery> {
        self.shared.taken.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            listening.join().expect("no panic");
        }
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        match &self.tls {
            Some(tls) => {
                let tls = ServerConnection::new(Arc::clone(tls)).expect("a configuration");
                self.talk(StreamOwned::new(tls, stream));
            }
            None => self.talk(stream),
        }
    }

    fn talk(&self, stream: impl Read + Write) {
        let mut stream = BufReader::new(stream);
        while let Some(delivery) = read(&mut stream) {
            let answer = (self.answer)(&delivery);
            if answer.starts_with("HTTP/1.1 2") {
                self.taken.lock().unwrap().push(delivery);
            }
            if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The next request; `None` where the other side has hung up.
fn read(stream: &mut impl BufRead) -> Option<Delivery> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<_> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Delivery { headers, body: String::from_utf8(body).ok()? })
}
