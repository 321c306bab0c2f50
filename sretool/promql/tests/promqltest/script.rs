//! The language of the test files.

use crate::values::{self, Point};

pub enum Command {
    Clear,
    Load(Load),
    Eval(Eval),
}

pub struct Load {
    pub step_ms: i64,
    /// Whether each classic histogram is to be stored as a native one too.
    pub with_native: bool,
    pub series: Vec<Line>,
}

/// A series and its values.
pub struct Line {
    pub metric: String,
    pub points: Vec<Point>,
    /// Distances of the starts of the counters of the next line from its samples; such a line has no points.
    pub starts: Option<Vec<Option<i64>>>,
}

#[derive(Clone, Copy, Debug)]
pub enum When {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// What an `expect` line asks for.
#[derive(Debug, PartialEq)]
pub enum Text {
    Any,
    Exactly(String),
    Matching(String),
}

#[derive(Debug, PartialEq)]
pub enum Expect {
    Fail(Text),
    Warn(Text),
    Info(Text),
    NoWarn,
    NoInfo,
    Ordered,
    String(String),
    RangeVector { start: i64, end: i64, step: i64 },
}

pub struct Eval {
    pub line: usize,
    pub when: When,
    pub expr: String,
    pub expects: Vec<Expect>,
    /// The lines of expected series, or of the expected scalar.
    pub lines: Vec<String>,
}

impl Eval {
    pub fn expects(&self, wanted: &Expect) -> bool {
        self.expects.contains(wanted)
    }

    pub fn fails(&self) -> Option<&Text> {
        self.expects.iter().find_map(|e| if let Expect::Fail(text) = e { Some(text) } else { None })
    }
}

pub fn read(text: &str) -> Result<Vec<Command>, String> {
    let blank_comments = |l: &str| if l.starts_with('#') { String::new() } else { l.to_owned() };
    let lines: Vec<String> = text.lines().map(str::trim).map(blank_comments).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        let number = at + 1;
        let body: Vec<&str> = lines[number..].iter().map(String::as_str).take_while(|l| !l.is_empty()).collect();
        let fail = |what: &str| format!("line {number}: {what}: {line}");
        let word = line.split_whitespace().next().unwrap_or("");
        at += 1;
        match word {
            "" => {}
            "clear" => commands.push(Command::Clear),
            "load" | "load_with_nhcb" => {
                let step_ms = values::duration(line[word.len()..].trim()).ok_or_else(|| fail("bad step"))?;
                let with_native = word == "load_with_nhcb";
                at += body.len();
                let series = body.iter().map(|l| series_line(l)).collect::<Result<_, _>>().map_err(|e| fail(&e))?;
                commands.push(Command::Load(Load { step_ms, with_native, series }));
            }
            _ if word.starts_with("eval") => {
                at += body.len();
                commands.push(Command::Eval(eval(line, number, &body).ok_or_else(|| fail("bad eval"))?));
            }
            _ => return Err(fail("unknown command")),
        }
    }
    Ok(commands)
}

pub fn series_line(line: &str) -> Result<Line, String> {
    let end = metric_end(line);
    let (metric, values) = (&line[..end], line[end..].trim());
    match metric.strip_suffix("@st") {
        Some(metric) => {
            Ok(Line { metric: metric.to_owned(), points: Vec::new(), starts: Some(values::starts(values)?) })
        }
        None => Ok(Line { metric: metric.to_owned(), points: values::sequence(values)?, starts: None }),
    }
}

/// Where the metric of a line ends: at the first blank outside of braces and quotes.
pub fn metric_end(line: &str) -> usize {
    let (mut braces, mut quote, mut escaped) = (0, None, false);
    for (i, c) in line.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => braces += 1,
            (None, '}') => braces -= 1,
            (None, c) if c.is_whitespace() && braces == 0 => return i,
            _ => {}
        }
    }
    line.len()
}

fn eval(line: &str, number: usize, body: &[&str]) -> Option<Eval> {
    let (command, rest) = line.split_once(char::is_whitespace)?;
    let (kind, rest) = rest.trim().split_once(char::is_whitespace)?;
    let mut words = Words(rest);
    let when = if kind == "instant" {
        words.expect("at")?;
        When::Instant(values::duration(words.next()?)?)
    } else {
        words.expect("from")?;
        let start = values::duration(words.next()?)?;
        words.expect("to")?;
        let end = values::duration(words.next()?)?;
        words.expect("step")?;
        When::Range { start, end, step: values::duration(words.next()?)? }
    };
    let mut expects = match command {
        "eval_fail" => vec![Expect::Fail(Text::Any)],
        "eval_warn" => vec![Expect::Warn(Text::Any)],
        "eval_info" => vec![Expect::Info(Text::Any)],
        "eval_ordered" => vec![Expect::Ordered],
        _ => Vec::new(),
    };
    let mut lines = Vec::new();
    for line in body {
        match line.strip_prefix("expect ") {
            Some(rest) => expects.push(expect(rest.trim())?),
            None => lines.push((*line).to_owned()),
        }
    }
    Some(Eval { line: number, when, expr: words.0.trim().to_owned(), expects, lines })
}

struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        let (word, rest) = rest.split_once(char::is_whitespace)?;
        self.0 = rest;
        Some(word)
    }

    fn expect(&mut self, word: &str) -> Option<()> {
        (self.next()? == word).then_some(())
    }
}

fn expect(rest: &str) -> Option<Expect> {
    let (kind, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let rest = rest.trim();
    let text = || match (rest.strip_prefix("msg:"), rest.strip_prefix("regex:")) {
        (Some(exact), _) => Text::Exactly(exact.trim().to_owned()),
        (_, Some(regex)) => Text::Matching(regex.trim().to_owned()),
        _ => Text::Any,
    };
    Some(match kind {
        "fail" => Expect::Fail(text()),
        "warn" => Expect::Warn(text()),
        "info" => Expect::Info(text()),
        "no_warn" => Expect::NoWarn,
        "no_info" => Expect::NoInfo,
        "ordered" => Expect::Ordered,
        "string" => Expect::String(rest[1..rest.len() - 1].to_owned()),
        "range" => {
            let words: Vec<_> = rest.split_whitespace().collect();
            let ["vector", "from", start, "to", end, "step", step] = words[..] else { return None };
            let (start, end) = (values::duration(start)?, values::duration(end)?);
            Expect::RangeVector { start, end, step: values::duration(step)? }
        }
        _ => return None,
    })
}
