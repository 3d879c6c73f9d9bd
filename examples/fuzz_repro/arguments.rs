//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(super) const USAGE: &str = "\
Usage: fuzz_repro [OPTIONS] ARTIFACT

Runs the body of a fuzz target with ARTIFACT, minimises it, and prints the script in words, what went over the link, the
files that were kept, and the source of a test. Ends with 0 when the body fails, and with 1 when it does not.

Options:
  --target NAME    the target (default: the folder that ARTIFACT is in: fuzz/artifacts/NAME/…)
  --as-it-is       do not minimise
  --source FILE    write the test there as well
  --script FILE    write the script there as well, encoded: a seed
  --help           this text
";

/// What the caller wants.
pub(super) enum Asked {
    Help,
    Run(Arguments),
}

pub(super) struct Arguments {
    pub(super) artifact: PathBuf,
    pub(super) target: String,
    pub(super) minimise: bool,
    pub(super) source: Option<PathBuf>,
    pub(super) script: Option<PathBuf>,
}

/// Reads the command line, or says what is wrong with it.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let (mut target, mut minimise, mut source, mut script, mut artifact) = (None, true, None, None, None);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = |of: &str| arguments.next().ok_or_else(|| format!("{of} needs a value"));
        match argument.to_str().filter(|text| text.starts_with('-') && text.len() > 1) {
            Some("--help" | "-h") => return Ok(Asked::Help),
            Some("--target") => {
                let name = value("--target")?;
                target = Some(name.into_string().map_err(|name| format!("--target: {name:?} is not text"))?);
            }
            Some("--as-it-is") => minimise = false,
            Some("--source") => source = Some(PathBuf::from(value("--source")?)),
            Some("--script") => script = Some(PathBuf::from(value("--script")?)),
            Some(unknown) => return Err(format!("unknown option `{unknown}`")),
            None if artifact.is_some() => return Err("one ARTIFACT only".to_owned()),
            None => artifact = Some(PathBuf::from(argument)),
        }
    }
    let artifact = artifact.ok_or_else(|| "which ARTIFACT?".to_owned())?;
    let folder = || Some(artifact.parent().and_then(Path::file_name)?.to_str()?.to_owned());
    let target = target
        .or_else(folder)
        .ok_or_else(|| format!("{} lies in no folder of a target: say which with --target", artifact.display()))?;
    Ok(Asked::Run(Arguments { artifact, target, minimise, source, script }))
}
