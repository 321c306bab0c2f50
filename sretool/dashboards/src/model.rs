//! What a dashboard is made of.

/// A unit, by its Grafana identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A count, shortened: 1.5 K.
    Count,
    /// A ratio from 0 to 1, shown in percent.
    Ratio,
    /// Seconds.
    Seconds,
    /// Days.
    Days,
    /// Requests a second.
    RequestsPerSecond,
    /// Operations a second.
    OperationsPerSecond,
    /// Operations a minute.
    OperationsPerMinute,
    /// Bytes, in powers of 1024.
    Bytes,
    /// A multiple of something, such as a burn rate.
    Times,
    /// A plain number, or a state.
    None,
}

impl Unit {
    /// Grafana's identifier.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "short",
            Self::Ratio => "percentunit",
            Self::Seconds => "s",
            Self::Days => "d",
            Self::RequestsPerSecond => "reqps",
            Self::OperationsPerSecond => "ops",
            Self::OperationsPerMinute => "opm",
            Self::Bytes => "bytes",
            Self::Times => "suffix:x",
            Self::None => "none",
        }
    }
}

/// A colour of a threshold or a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Good.
    Green,
    /// Worth a look.
    Yellow,
    /// Bad soon.
    Orange,
    /// Bad.
    Red,
    /// Neither.
    Blue,
}

impl Color {
    /// Grafana's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
            Self::Blue => "blue",
        }
    }
}

/// From a value on, a colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// First value; `None` for everything below the next step.
    pub from: Option<f64>,
    /// Colour.
    pub color: Color,
}

/// How a panel shows its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lines over time.
    TimeSeries,
    /// Areas over time that add up.
    Stacked,
    /// One number with a sparkline.
    Stat,
    /// One number on a dial.
    Gauge,
    /// A bar a series.
    BarGauge,
    /// Buckets over time.
    Heatmap,
    /// States over time.
    StateTimeline,
    /// The newest values.
    Table,
}

/// A query of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// PromQL with Grafana variables.
    pub expr: String,
    /// Legend, with `{{label}}` for label values.
    pub legend: String,
    /// Whether to ask for exemplars too.
    pub exemplar: bool,
}

/// A link of a panel or a dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Text.
    pub title: String,
    /// Address.
    pub url: String,
}

/// A panel. Its place and its number are the writer's business.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// How it shows its data.
    pub kind: Kind,
    /// Title.
    pub title: String,
    /// What it shows, and what to make of it.
    pub description: String,
    /// Unit of the values.
    pub unit: Unit,
    /// Columns of the 24.
    pub width: u8,
    /// Rows of 30 pixels.
    pub height: u8,
    /// Queries.
    pub targets: Vec<Target>,
    /// Colours by value, in rising order.
    pub thresholds: Vec<Step>,
    /// Whether thresholds are drawn as lines.
    pub threshold_lines: bool,
    /// Lower end of the axis.
    pub min: Option<f64>,
    /// Upper end of the axis.
    pub max: Option<f64>,
    /// Digits behind the point.
    pub decimals: Option<u8>,
    /// Words and colours for values that are states.
    pub states: Vec<(i64, &'static str, Color)>,
    /// Links, to runbooks mostly.
    pub links: Vec<Link>,
}

impl Panel {
    /// A panel with everything that none may lack.
    pub fn new(kind: Kind, title: &str, unit: Unit, description: &str) -> Self {
        let (width, height) = match kind {
            Kind::Stat | Kind::Gauge => (4, 5),
            Kind::TimeSeries | Kind::Stacked | Kind::Heatmap => (12, 8),
            Kind::BarGauge | Kind::StateTimeline | Kind::Table => (12, 7),
        };
        Self {
            kind,
            title: title.to_owned(),
            description: description.to_owned(),
            unit,
            width,
            height,
            targets: Vec::new(),
            thresholds: vec![Step { from: None, color: Color::Blue }],
            threshold_lines: false,
            min: None,
            max: None,
            decimals: None,
            states: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Adds a query.
    #[must_use]
    pub fn query(mut self, expr: &str, legend: &str) -> Self {
        self.targets.push(Target { expr: expr.to_owned(), legend: legend.to_owned(), exemplar: false });
        self
    }

    /// Asks for exemplars with every query.
    #[must_use]
    pub fn exemplars(mut self) -> Self {
        self.targets.iter_mut().for_each(|target| target.exemplar = true);
        self
    }

    /// Sets width in columns and height in rows.
    #[must_use]
    pub fn size(mut self, width: u8, height: u8) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    /// Sets colours: the first below the first value, then from each value on.
    #[must_use]
    pub fn colors(mut self, below: Color, steps: &[(f64, Color)]) -> Self {
        let first = Step { from: None, color: below };
        let rest = steps.iter().map(|(from, color)| Step { from: Some(*from), color: *color });
        self.thresholds = std::iter::once(first).chain(rest).collect();
        self
    }

    /// Draws the thresholds as lines.
    #[must_use]
    pub fn lines(mut self) -> Self {
        self.threshold_lines = true;
        self
    }

    /// Sets the lower end of the axis.
    #[must_use]
    pub fn min(mut self, min: f64) -> Self {
        self.min = Some(min);
        self
    }

    /// Sets the upper end of the axis.
    #[must_use]
    pub fn max(mut self, max: f64) -> Self {
        self.max = Some(max);
        self
    }

    /// Sets the digits behind the point.
    #[must_use]
    pub fn decimals(mut self, decimals: u8) -> Self {
        self.decimals = Some(decimals);
        self
    }

    /// Names values that are states.
    #[must_use]
    pub fn states(mut self, states: &[(i64, &'static str, Color)]) -> Self {
        self.states = states.to_vec();
        self
    }

    /// Links to a runbook by its file name without `.md`.
    #[must_use]
    pub fn runbook(mut self, name: &str) -> Self {
        self.links.push(Link { title: format!("Runbook {name}"), url: format!("${{runbooks}}/{name}.md") });
        self
    }
}

/// A titled group of panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Title.
    pub title: String,
    /// Panels, placed from left to right and from top to bottom.
    pub panels: Vec<Panel>,
}

impl Row {
    /// A row.
    pub fn new(title: &str, panels: Vec<Panel>) -> Self {
        Self { title: title.to_owned(), panels }
    }
}

/// A choice at the top of the dashboard, filled with the values that a label has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Name without `$`.
    pub name: String,
    /// Label shown.
    pub label: String,
    /// Selector of the series to look at; may use variables that stand before.
    pub selector: String,
    /// Label whose values to offer.
    pub of_label: String,
    /// Whether several, or all, may be chosen.
    pub multi: bool,
}

/// A dashboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard {
    /// Identifier in addresses, and name of the file.
    pub uid: String,
    /// Title.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Tags besides `sretool`.
    pub tags: Vec<String>,
    /// Start of the shown time, such as `now-1h`.
    pub from: String,
    /// Interval of refreshes, such as `10s`.
    pub refresh: String,
    /// Variables besides the data source.
    pub variables: Vec<Variable>,
    /// Rows.
    pub rows: Vec<Row>,
}

impl Dashboard {
    /// Panels in order.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }

    /// Name of the file that holds it.
    pub fn file_name(&self) -> String {
        format!("{}.json", self.uid)
    }
}
