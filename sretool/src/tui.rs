//! `sretool tui`: the terminal dashboard, carried out.
//!
//! The dashboard itself is the pure crate `tui`; here are its terminal, clock, network and child process.

mod fetch;
mod keys;
mod load_child;
mod once;
mod screen;
mod session;

use crate::exit;
use crate::io::Io;
use crate::source::{Source, SourceError};
use std::path::PathBuf;
use std::process::ExitCode;
use tui::ThemeName;

/// Arguments of `sretool tui`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Prometheus-compatible server [default: http://127.0.0.1:9090]
    #[arg(long, value_name = "URL", env = "PROMETHEUS_URL")]
    prometheus: Option<String>,
    /// Print the overview once and leave; exit status 1 when an alert that pages fires
    #[arg(long)]
    once: bool,
    /// How `--once` prints
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "once")]
    format: Format,
    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// Colours; without it NO_COLOR means mono, and COLORFGBG tells dark from light
    #[arg(long, value_enum)]
    theme: Option<Theme>,
    /// Seconds between two questions for the newest values
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=600))]
    refresh: u16,
    /// Seconds that rates look back over; four scrapes at least
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(2..=3600))]
    rate_window: u16,
    /// Folder of the runbooks, one NAME.md an alert
    #[arg(long, value_name = "DIR", default_value = DEFAULT_RUNBOOKS)]
    runbooks: PathBuf,
}

const DEFAULT_RUNBOOKS: &str = "alerts/runbooks";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Theme {
    Dark,
    Light,
    Mono,
}

/// What the dashboard needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where answers come from.
    pub source: Source,
    /// Colours.
    pub theme: ThemeName,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// How often the newest values are asked for, ms.
    pub refresh_ms: i64,
    /// How far rates look back, seconds; four scrapes at least.
    pub rate_window_s: i64,
    /// Folder of the runbooks.
    pub runbooks: PathBuf,
}

impl Options {
    /// The options that fit the environment, for a Prometheus API at this URL.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when it is no http(s) URL.
    pub fn for_url(url: &str) -> Result<Self, SourceError> {
        let source = Source::resolve(Some(url))?;
        let theme = theme_of(&|name| std::env::var(name).ok());
        let ascii = !speaks_unicode(&|name| std::env::var(name).ok());
        let runbooks = PathBuf::from(DEFAULT_RUNBOOKS);
        Ok(Self { source, theme, ascii, refresh_ms: 2_000, rate_window_s: 60, runbooks })
    }

    fn config(&self) -> tui::Config {
        tui::Config {
            source: self.source.name().to_owned(),
            ascii: self.ascii,
            utc_offset_s: chrono::Local::now().offset().local_minus_utc(),
            refresh_ms: self.refresh_ms,
            rate_window_s: self.rate_window_s,
            ..tui::Config::default()
        }
    }
}

/// An environment, so that tests need not change the process's.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// No colour where the user asks for none; a light theme where the terminal says that its background is light.
fn theme_of(environment: Environment<'_>) -> ThemeName {
    if environment("NO_COLOR").is_some_and(|value| !value.is_empty()) || environment("TERM").as_deref() == Some("dumb")
    {
        return ThemeName::Mono;
    }
    let colours = environment("COLORFGBG").unwrap_or_default();
    match colours.rsplit(';').next() {
        Some("7" | "15") => ThemeName::Light,
        _ => ThemeName::Dark,
    }
}

/// Whether the locale is UTF-8; an unset locale counts, because containers have none and terminals do.
fn speaks_unicode(environment: Environment<'_>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment(name).filter(|v| !v.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8") || matches!(&*locale, "c" | "posix")
    })
}

/// Runs `sretool tui`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    let url = args.prometheus.as_deref().filter(|url| !url.is_empty()).unwrap_or(crate::source::DEFAULT_PROMETHEUS);
    let options = match Options::for_url(url) {
        Ok(options) => Options {
            ascii: args.ascii || options.ascii,
            theme: args.theme.map_or(options.theme, ThemeName::from),
            refresh_ms: i64::from(args.refresh) * 1_000,
            rate_window_s: i64::from(args.rate_window),
            runbooks: args.runbooks,
            ..options
        },
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    if args.once {
        return crate::runtime::block_on(once::run(&options, args.format, io));
    }
    if !io.terminal {
        io.error("standard output is no terminal; print the overview with `sretool tui --once [--format json]`");
        return exit::invalid();
    }
    match crate::runtime::block_on(run_with(options)) {
        Ok(()) => exit::good(),
        Err(error) => {
            io.error(error);
            exit::no_judgement()
        }
    }
}

impl From<Theme> for ThemeName {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self::Dark,
            Theme::Light => Self::Light,
            Theme::Mono => Self::Mono,
        }
    }
}

/// Why the dashboard ended other than by `q`.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal refused.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
    /// A part of the program panicked; its message was printed when the terminal was restored.
    #[error("a part of the dashboard failed; the message above says where")]
    Panicked,
}

/// Shows the dashboard on this process's terminal until the user quits or the process is told to end. The terminal is
/// restored in every case.
///
/// # Errors
/// [`TuiError`] when the terminal cannot be used, or when a thread panicked.
pub async fn run_with(options: Options) -> Result<(), TuiError> {
    session::run(options).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn the_environment_chooses_the_theme() {
        let theme = |pairs: &[(&str, &str)]| theme_of(&environment(pairs));
        assert_eq!(theme(&[]), ThemeName::Dark);
        assert_eq!(theme(&[("NO_COLOR", "1")]), ThemeName::Mono);
        assert_eq!(theme(&[("NO_COLOR", "")]), ThemeName::Dark, "no-color.org: an empty value does not count");
        assert_eq!(theme(&[("COLORFGBG", "0;15")]), ThemeName::Light);
        assert_eq!(theme(&[("TERM", "dumb"), ("COLORFGBG", "0;15")]), ThemeName::Mono);
    }

    #[test]
    fn the_locale_chooses_the_characters() {
        let unicode = |pairs: &[(&str, &str)]| speaks_unicode(&environment(pairs));
        assert!(unicode(&[]) && unicode(&[("LANG", "en_GB.UTF-8")]) && unicode(&[("LANG", "C")]));
        assert!(!unicode(&[("LANG", "en_GB.ISO-8859-1")]));
        assert!(unicode(&[("LC_ALL", "C.utf8"), ("LANG", "de_DE.ISO-8859-1")]), "LC_ALL wins");
    }

    #[test]
    fn off_a_terminal_the_remedy_is_named() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, terminal: false };
        let args = ["sretool".into(), "tui".into()];
        assert_eq!(crate::run(args, &mut io), exit::invalid());
        assert!(String::from_utf8_lossy(&err).contains("--once"));
        assert!(out.is_empty());
    }

    #[test]
    fn a_wrong_address_is_invalid() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, terminal: false };
        let args = ["sretool", "tui", "--once", "--prometheus", "nowhere"].map(Into::into);
        assert_eq!(crate::run(args, &mut io), exit::invalid());
        assert!(String::from_utf8_lossy(&err).contains("http://HOST:PORT"));
    }
}
