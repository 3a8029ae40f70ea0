//! Builds the console with npm and lists its files for `src/api/console.rs` to embed. Without npm,
//! or where it fails, the build goes on: `/` then says why, and how to get the console.
//!
//! `INTERDICT_CONSOLE` names a folder with a console that was built already (where the compiler has
//! no npm), or is `off`.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the console is made from, in `console/`.
const INPUTS: &[&str] = &[
    "index.html",
    "package.json",
    "package-lock.json",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
];
/// The lines of a failed command that a warning shows.
const LINES: usize = 8;

fn main() {
    let console = Path::new("console");
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", console.join(input).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=INTERDICT_CONSOLE");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let built = match env::var_os("INTERDICT_CONSOLE") {
        Some(off) if off == "off" => Err("INTERDICT_CONSOLE is off".to_owned()),
        Some(folder) if !folder.is_empty() => {
            println!("cargo::rerun-if-changed={}", Path::new(&folder).display());
            Ok(PathBuf::from(folder))
        }
        _ => build(console, &out.join("console")),
    };
    let listed = built.and_then(|folder| {
        list(&folder, &out).map_err(|error| format!("{}: {error}", folder.display()))
    });
    let list = listed.unwrap_or_else(|why| {
        for line in why.lines() {
            println!("cargo::warning=the console is left out: {line}");
        }
        format!("static CONSOLE: Result<&[File], &str> = Err({why:?});\n")
    });
    fs::write(out.join("console.rs"), list).expect("OUT_DIR can be written to");
}

/// Builds into `out`. What it is built from is installed anew only where the lock file changed, so
/// that a checkout which was built once needs no network.
fn build(console: &Path, out: &Path) -> Result<PathBuf, String> {
    let lock = fs::read(console.join("package-lock.json")).map_err(|error| error.to_string())?;
    let stamp = console.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).ok().as_ref() != Some(&lock) {
        npm(console, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"])?;
        fs::write(&stamp, &lock).map_err(|error| format!("{}: {error}", stamp.display()))?;
    }
    let flags = ["run", "build", "--", "--emptyOutDir", "--outDir"].map(OsStr::new);
    npm(console, flags.into_iter().chain([out.as_os_str()]))?;
    Ok(out.to_owned())
}

fn npm<A: AsRef<OsStr>>(
    console: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Result<(), String> {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    let command = command.args(arguments).current_dir(console);
    let said = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "npm is not installed".to_owned(),
        _ => format!("npm: {error}"),
    })?;
    if said.status.success() {
        return Ok(());
    }
    let said = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let lines: Vec<&str> = said.iter().flat_map(|text| text.lines()).collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    Err(format!("npm failed\n{}", last.join("\n")))
}

/// Compresses the files of `folder` into `out` and lists them as Rust.
fn list(folder: &Path, out: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    files.sort();
    if !files.contains(&folder.join("index.html")) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no index.html"));
    }
    let mut list = "static CONSOLE: Result<&[File], &str> = Ok(&[\n".to_owned();
    for (number, file) in files.iter().enumerate() {
        let packed = out.join(format!("{number}.gz"));
        let mut gzip =
            flate2::write::GzEncoder::new(fs::File::create(&packed)?, flate2::Compression::best());
        gzip.write_all(&fs::read(file)?)?;
        gzip.finish()?;
        let inside = file.strip_prefix(folder).unwrap_or(file).to_string_lossy();
        // Writing to a String cannot fail.
        let _ = writeln!(
            list,
            "    File {{ path: {:?}, gzip: include_bytes!({:?}) }},",
            format!("/{}", inside.replace('\\', "/")),
            packed.to_string_lossy(),
        );
    }
    list.push_str("]);\n");
    Ok(list)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
