//! A folder of recorded sessions, played session by session in time order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use domain::calendar::{self, Session};
use domain::market::{ConditionScheme, DailyBar, NewsPublished};
use domain::{SessionDate, Symbol, UnixNanos};

use super::discover::{self, Folder, Layout};
use super::lean::{self, Lean};
use super::names::Names;
use super::print::Print;
use super::refusal::Refusals;
use super::source::{BarFile, Feed, LATENESS, MadeTrades, Shared, TAQ, TRADES, TradeFile};
use super::vendor::{self, Minutes};
use super::{daily, path::Bar};

pub use super::daily::Facts;

/// How a folder is read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which layouts to look for.
    pub layout: Layout,
    /// How the documented trades write their conditions.
    pub conditions: ConditionScheme,
    /// Seed of trades made from minute bars.
    pub seed: u64,
    /// The first refused row is an error.
    pub strict: bool,
    /// Rows decoded at a time; changes memory, not results.
    pub batch_rows: usize,
    /// Split factors of `daily-yahoo` files, by ticker; found out where not given.
    pub factors: BTreeMap<String, f64>,
}

/// An open folder.
pub struct DataSet {
    options: Options,
    shared: Shared,
    folder: Folder,
    ticks: BTreeMap<SessionDate, Vec<(String, PathBuf)>>,
    minutes: BTreeMap<String, Minutes>,
    lean: Lean,
    daily: HashMap<Symbol, Vec<DailyBar>>,
    news: Vec<NewsPublished>,
    facts: BTreeMap<Symbol, Facts>,
    sources: Vec<Source>,
    heads: BinaryHeap<Reverse<(i64, usize)>>,
    span: (i64, i64),
    made_trades: bool,
    opened: bool,
}

struct Source {
    feed: Box<dyn Feed>,
    buffer: Vec<Print>,
    at: usize,
    more: bool,
    /// Stays open over sessions.
    undated: bool,
}

impl DataSet {
    /// Finds the files of `root` and reads those that are held whole.
    ///
    /// # Errors
    /// A file that cannot be read, by name; a folder without trades or minute bars.
    pub fn open(root: &Path, options: Options) -> anyhow::Result<Self> {
        ensure!(root.is_dir(), "{} is not a folder", root.display());
        let wants = |layout| options.layout == Layout::Auto || options.layout == layout;
        let mut set = Self {
            shared: Shared { names: Names::default(), refusals: Refusals::new(options.strict), seed: options.seed },
            folder: if wants(Layout::Files) { Folder::read(root)? } else { Folder::default() },
            ticks: BTreeMap::new(),
            minutes: BTreeMap::new(),
            lean: Lean::default(),
            daily: HashMap::new(),
            news: Vec::new(),
            facts: BTreeMap::new(),
            sources: Vec::new(),
            heads: BinaryHeap::new(),
            span: (0, 0),
            made_trades: false,
            opened: false,
            options,
        };
        set.read_held()?;
        if set.options.layout == Layout::Auto || set.options.layout == Layout::Vendor {
            set.read_vendor(root)?;
        }
        let lean = set.options.layout == Layout::Auto || set.options.layout == Layout::Lean;
        if let Some(lean_root) = discover::lean_root(root).filter(|_| lean) {
            set.read_lean(&lean_root)?;
        }
        for bars in set.daily.values_mut() {
            bars.sort_by_key(|bar| bar.date);
            bars.dedup_by_key(|bar| bar.date);
        }
        set.news.sort_by(|a, b| (a.published_at, &a.news_id).cmp(&(b.published_at, &b.news_id)));
        let folder = &set.folder;
        let documented = !folder.trades.is_empty() || !folder.minute.is_empty();
        let any = documented || !set.ticks.is_empty() || !set.minutes.is_empty() || !set.lean.minutes.is_empty();
        let (trades, minute) = (&folder.trades, &folder.minute);
        let both = !minute.is_empty() && !trades.is_empty();
        ensure!(
            !both || (trades.undated.is_empty() && minute.undated.is_empty()),
            "{} holds minute bars beside trades: both need the session in their path, as trades/2026-11-24.parquet and \
             minute/2026-11-24.csv, so that it is clear which sessions are played from bars",
            root.display()
        );
        ensure!(any, "{} holds no trades and no minute bars in a layout that is read", root.display());
        Ok(set)
    }

    /// The sessions up to `until` that may have trades, in order.
    ///
    /// # Errors
    /// A file without a date in its name cannot be read.
    pub fn sessions(&mut self, until: SessionDate) -> anyhow::Result<Vec<SessionDate>> {
        let mut found: BTreeSet<SessionDate> = BTreeSet::new();
        found.extend(self.folder.trades.dated.keys().chain(self.folder.minute.dated.keys()));
        found.extend(self.ticks.keys().chain(self.lean.minutes.keys()));
        found.extend(self.minutes.values().flat_map(BTreeMap::keys));
        self.open_undated()?;
        if let Some(Reverse((first, _))) = self.heads.peek() {
            let mut session = calendar::session_at(UnixNanos::new(*first));
            while session.date <= until {
                found.insert(session.date);
                session = calendar::next_session(session.date);
            }
        }
        Ok(found.into_iter().filter(|date| *date <= until && calendar::session(*date).is_some()).collect())
    }

    /// Opens the files of `session`; [`Self::next`] then gives its trades.
    ///
    /// # Errors
    /// A file that cannot be read, by name.
    pub fn begin(&mut self, session: &Session) -> anyhow::Result<()> {
        self.open_undated()?;
        let before = calendar::previous_session(session.date).date;
        self.span = (before.at_hm(20, 0).nanos(), session.date.at_hm(20, 0).nanos());
        self.heads.clear();
        self.sources.retain(|source| source.undated && (source.more || source.at < source.buffer.len()));
        for feed in self.feeds(session)? {
            self.sources.push(Source { feed, buffer: Vec::new(), at: 0, more: true, undated: false });
        }
        for at in 0..self.sources.len() {
            self.head(at)?;
        }
        Ok(())
    }

    /// The next trades of the session in time order, at most a batch; false when there is none left.
    ///
    /// # Errors
    /// A damaged file, or a refused row with `strict`.
    pub fn next(&mut self, out: &mut Vec<Print>) -> anyhow::Result<bool> {
        out.clear();
        while out.len() < self.options.batch_rows {
            let Some(Reverse((first, at))) = self.heads.pop() else { break };
            if first >= self.span.1 {
                self.heads.push(Reverse((first, at)));
                break;
            }
            let limit = self.heads.peek().map_or((i64::MAX, usize::MAX), |Reverse(next)| *next);
            let end = self.span.1;
            let source = &mut self.sources[at];
            let rest = &source.buffer[source.at..];
            let fits = |print: &Print| (print.ts_event, at) <= limit && print.ts_event < end;
            let count = rest.iter().take(self.options.batch_rows - out.len()).take_while(|print| fits(print)).count();
            let oldest = self.span.0 - LATENESS;
            out.extend(rest[..count].iter().filter(|print| print.ts_event >= oldest));
            source.at += count;
            self.head(at)?;
        }
        Ok(!out.is_empty())
    }

    /// Symbols and conditions, by the numbers in the prints.
    pub const fn names(&self) -> &Names {
        &self.shared.names
    }

    /// Rows that made no sense.
    pub const fn refusals(&self) -> &Refusals {
        &self.shared.refusals
    }

    /// True once trades were made from minute bars.
    pub const fn has_made_trades(&self) -> bool {
        self.made_trades
    }

    /// Daily bars of files, oldest first; none for symbols without.
    pub fn daily(&self) -> &HashMap<Symbol, Vec<DailyBar>> {
        &self.daily
    }

    /// Headlines published from `from` on and before `until`, oldest first.
    pub fn news(&self, from: UnixNanos, until: UnixNanos) -> &[NewsPublished] {
        let at = |instant| self.news.partition_point(|news| news.published_at < instant);
        &self.news[at(from)..at(until).max(at(from))]
    }

    /// What is known of `symbol` beside its trades.
    pub fn facts(&self, symbol: &Symbol) -> Facts {
        self.facts.get(symbol).cloned().unwrap_or_default()
    }

    fn head(&mut self, at: usize) -> anyhow::Result<()> {
        let source = &mut self.sources[at];
        while source.at >= source.buffer.len() && source.more {
            source.buffer.clear();
            source.at = 0;
            source.more = source.feed.read(&mut self.shared, &mut source.buffer)?;
        }
        if let Some(print) = source.buffer.get(source.at) {
            self.heads.push(Reverse((print.ts_event, at)));
        }
        Ok(())
    }

    fn open_undated(&mut self) -> anyhow::Result<()> {
        if self.opened {
            return Ok(());
        }
        self.opened = true;
        let mut feeds: Vec<Box<dyn Feed>> = Vec::new();
        for path in &self.folder.trades.undated {
            feeds.push(self.trade_file(path)?);
        }
        let trades = &self.folder.trades;
        if trades.undated.is_empty() && trades.dated.is_empty() {
            for path in &self.folder.minute.undated {
                feeds.push(Box::new(BarFile::open(path, self.options.batch_rows)?));
                self.made_trades = true;
            }
        }
        for feed in feeds {
            self.sources.push(Source { feed, buffer: Vec::new(), at: 0, more: true, undated: true });
            self.head(self.sources.len() - 1)?;
        }
        Ok(())
    }

    fn trade_file(&self, path: &Path) -> anyhow::Result<Box<dyn Feed>> {
        Ok(Box::new(TradeFile::open(path, TRADES, self.options.conditions, self.options.batch_rows)?))
    }

    /// The feeds of one session: documented trades, else documented minutes, else for each symbol the finest of the
    /// vendors' and LEAN's.
    fn feeds(&mut self, session: &Session) -> anyhow::Result<Vec<Box<dyn Feed>>> {
        let mut feeds: Vec<Box<dyn Feed>> = Vec::new();
        for path in self.folder.trades.dated.get(&session.date).into_iter().flatten() {
            feeds.push(self.trade_file(path)?);
        }
        if feeds.is_empty() && self.folder.trades.undated.is_empty() {
            for path in self.folder.minute.dated.get(&session.date).into_iter().flatten() {
                feeds.push(Box::new(BarFile::open(path, self.options.batch_rows)?));
                self.made_trades = true;
            }
        }
        if !feeds.is_empty() || self.sources.iter().any(|source| source.undated) {
            return Ok(feeds);
        }
        let mut covered: HashSet<String> = HashSet::new();
        for (ticker, path) in self.ticks.get(&session.date).into_iter().flatten() {
            feeds.push(Box::new(TradeFile::open(path, TAQ, ConditionScheme::Cta, self.options.batch_rows)?));
            covered.insert(ticker.clone());
        }
        let mut bars: Vec<(String, Vec<Bar>)> = Vec::new();
        for (ticker, minutes) in &self.minutes {
            if let Some(of_session) = minutes.get(&session.date).filter(|_| covered.insert(ticker.clone())) {
                bars.push((ticker.clone(), of_session.clone()));
            }
        }
        for (ticker, path) in self.lean.minutes.get(&session.date).into_iter().flatten() {
            if covered.insert(ticker.clone()) {
                bars.push((ticker.clone(), lean::minutes(path, session.date, &mut self.shared.refusals)?));
            }
        }
        let hours = session.premarket_open.nanos()..session.postmarket_close.nanos();
        for (ticker, mut bars) in bars {
            bars.retain(|bar| hours.contains(&bar.start));
            let symbol = self.shared.names.symbol(&ticker).context("a file's name")?;
            feeds.push(Box::new(MadeTrades { symbol, bars, session: *session }));
            self.made_trades = true;
        }
        Ok(feeds)
    }

    fn read_held(&mut self) -> anyhow::Result<()> {
        let refusals = &mut self.shared.refusals;
        let all = |found: &discover::Found| -> Vec<PathBuf> {
            found.undated.iter().chain(found.dated.values().flatten()).cloned().collect()
        };
        for path in all(&self.folder.daily) {
            for (symbol, bar) in daily::bars(&path, refusals)? {
                self.daily.entry(symbol).or_default().push(bar);
            }
        }
        for path in all(&self.folder.news) {
            self.news.extend(daily::news(&path, refusals)?);
        }
        for path in all(&self.folder.reference) {
            self.facts.extend(daily::facts(&path, refusals)?);
        }
        Ok(())
    }

    fn read_vendor(&mut self, root: &Path) -> anyhow::Result<()> {
        let [ticks, yahoo, alphavantage, daily] = discover::VENDOR_FOLDERS.map(|name| root.join(name));
        for (name, path) in vendor::files(&ticks, "_trades.csv")? {
            let (ticker, date) = name.rsplit_once('_').with_context(|| format!("{} has no date", path.display()))?;
            let date = chrono::NaiveDate::parse_from_str(date, "%Y%m%d").with_context(|| path.display().to_string())?;
            self.ticks.entry(SessionDate::new(date)).or_default().push((ticker.to_owned(), path));
        }
        let refusals = &mut self.shared.refusals;
        for (ticker, path) in vendor::files(&yahoo, ".csv")? {
            self.minutes.insert(ticker, vendor::minute_yahoo(&path, refusals)?);
        }
        for (ticker, path) in vendor::files(&alphavantage, ".csv")? {
            let found = vendor::minute_alphavantage(&path, refusals)?;
            self.minutes.entry(ticker).or_default().extend(found);
        }
        for (ticker, minutes) in &self.minutes {
            let symbol: Symbol = ticker.parse().context("a file's name")?;
            let factor = self.options.factors.get(ticker).copied();
            if let Some(bars) = vendor::daily_yahoo(&daily, ticker, minutes, factor, refusals)? {
                self.daily.entry(symbol).or_insert(bars);
            }
        }
        Ok(())
    }

    fn read_lean(&mut self, root: &Path) -> anyhow::Result<()> {
        self.lean = Lean::list(root)?;
        for (ticker, path) in &self.lean.daily {
            let symbol: Symbol = ticker.parse().context("a file's name")?;
            if !self.daily.contains_key(&symbol) {
                self.daily.insert(symbol, lean::daily(path, &mut self.shared.refusals)?);
            }
        }
        Ok(())
    }
}
