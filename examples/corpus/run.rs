//! What the program does, without its process around it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tuntap_test::capture::Capture;
use tuntap_test::device::Mode;
use tuntap_test::fuzz::CaptureToScript;
use tuntap_test::fuzz::corpus::{SeedForm, seeds};

pub(crate) const USAGE: &str = "\
Usage: corpus [OPTIONS] FILE...
       corpus --pcapng SEED... --out FILE.pcapng [--as FORM] [--tap]

Makes seeds of fuzz targets from each FILE, a pcap or pcapng file with IP packets or Ethernet frames: one seed for each
class of what it covers, which is its file's name. Or writes seeds as a pcapng file, a section for each.

Options:
  --out DIR           where the seeds are written; what is there is not written again (default: only print their names)
  --as FORM           script (default): what one interface saw; frame: each frame, behind an octet that is even for a
                      TUN's; frames: what is sent, each frame behind its length, 2 octets in network byte order
  --sent-by ADDRESS   what comes from ADDRESS is sent, all else of IPv4, or IPv6, is observed (may be repeated);
                      else what the capture calls inbound is sent, or what the source of the first frame sent
  --pcapng            from seeds to a capture
  --tap               with --pcapng --as frames: they are Ethernet frames
  --help              this text
";

/// Why nothing came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// A file is.
    File(String),
}

struct Asked {
    files: Vec<PathBuf>,
    out: Option<PathBuf>,
    form: SeedForm,
    how: CaptureToScript,
    to_pcapng: bool,
    mode: Mode,
}

/// Does what the command line asks for; gives what is to be printed.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<String, Failure> {
    match asked(arguments).map_err(Failure::Usage)? {
        None => Ok(USAGE.to_owned()),
        Some(asked) if asked.to_pcapng => write_pcapng(&asked).map_err(Failure::File),
        Some(asked) => write_seeds(&asked).map_err(Failure::File),
    }
}

/// Reads the command line, or says what is wrong with it; `None` for help.
fn asked(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Asked>, String> {
    let mut asked = Asked {
        files: Vec::new(),
        out: None,
        form: SeedForm::Script,
        how: CaptureToScript::new(),
        to_pcapng: false,
        mode: Mode::Tun,
    };
    let (mut arguments, mut options_are_over) = (arguments.into_iter(), false);
    while let Some(argument) = arguments.next() {
        let option = argument.to_str().filter(|text| !options_are_over && text.starts_with('-') && text.len() > 1);
        let mut value = |of: &str| arguments.next().ok_or_else(|| format!("{of} needs a value"));
        let text =
            |of: &str, value: OsString| value.into_string().map_err(|value| format!("{of}: {value:?} is not text"));
        match option {
            Some("--help" | "-h") => return Ok(None),
            Some("--") => options_are_over = true,
            Some("--pcapng") => asked.to_pcapng = true,
            Some("--tap") => asked.mode = Mode::Tap,
            Some("--out") => asked.out = Some(PathBuf::from(value("--out")?)),
            Some("--as") => {
                asked.form = match &*text("--as", value("--as")?)? {
                    "script" => SeedForm::Script,
                    "frame" => SeedForm::Frame,
                    "frames" => SeedForm::Frames,
                    other => return Err(format!("--as takes script, frame or frames, not `{other}`")),
                };
            }
            Some("--sent-by") => {
                let text = text("--sent-by", value("--sent-by")?)?;
                let address: IpAddr =
                    text.parse().map_err(|_| format!("--sent-by takes an IPv4 or IPv6 address, not `{text}`"))?;
                asked.how = asked.how.sent_by(address);
            }
            Some(unknown) => return Err(format!("unknown option `{unknown}`")),
            None => asked.files.push(PathBuf::from(argument)),
        }
    }
    match (asked.to_pcapng, &asked.out) {
        _ if asked.files.is_empty() => Err("which FILE?".to_owned()),
        (true, None) => Err("--pcapng needs --out FILE.pcapng".to_owned()),
        _ => Ok(Some(asked)),
    }
}

fn of_file(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

fn write_seeds(asked: &Asked) -> Result<String, String> {
    let (mut known, mut told) = (HashSet::new(), String::new());
    for file in &asked.files {
        let capture = Capture::read(file).map_err(|error| error.to_string())?;
        for seed in seeds(&capture, &asked.how, asked.form) {
            if !known.insert(seed.class.clone()) {
                continue;
            }
            let mut word = "";
            if let Some(folder) = &asked.out {
                fs::create_dir_all(folder).map_err(of_file(folder))?;
                let path = folder.join(seed.file_name());
                match path.exists() {
                    true => word = ", there already",
                    false => fs::write(&path, &seed.octets).map_err(of_file(&path))?,
                }
            }
            // Writing to a string does not fail.
            let _ = writeln!(told, "{} {} octets{word}", seed.file_name(), seed.octets.len());
        }
    }
    Ok(told)
}

fn write_pcapng(asked: &Asked) -> Result<String, String> {
    let (mut capture, mut told) = (Vec::new(), String::new());
    for file in &asked.files {
        let octets = fs::read(file).map_err(of_file(file))?;
        let script = asked.form.script(&octets, asked.mode).map_err(|error| format!("{}: {error}", file.display()))?;
        let _ = writeln!(told, "{}: {} steps", file.display(), script.steps().len());
        // Sections may follow each other in one file.
        capture.extend_from_slice(&script.to_pcapng());
    }
    if let Some(out) = &asked.out {
        fs::write(out, capture).map_err(of_file(out))?;
    }
    Ok(told)
}
