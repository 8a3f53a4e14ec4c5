//! What a headline is about, by its words.

use serde::{Deserialize, Serialize};

use crate::market::NewsPublished;
use crate::money::Micro;
use crate::names::names;
use crate::strategy::CatalystPoints;
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// What a headline is about. The first that matches holds, in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadlineKind {
    /// Commentary on a move that others made, lists of movers, law firms looking for clients.
    Commentary,
    /// New shares: offerings, placements, shelf registrations.
    Offering,
    /// The company is to be bought.
    Merger,
    /// Regulator's word on a drug or device, or a trial's result.
    Clinical,
    /// An analyst's rating or target.
    Analyst,
    /// Results and guidance.
    Earnings,
    /// Contracts, orders and partnerships.
    Contract,
    /// Courts and authorities.
    Legal,
    /// Advertising for the stock.
    Promotion,
    /// Anything else.
    Generic,
}

names! {
    HeadlineKind {
        Commentary => "commentary",
        Offering => "offering",
        Merger => "merger",
        Clinical => "clinical",
        Analyst => "analyst",
        Earnings => "earnings",
        Contract => "contract",
        Legal => "legal",
        Promotion => "promotion",
        Generic => "generic",
    }
}

impl HeadlineKind {
    /// The kind of a headline as [`normalise`] writes it.
    pub fn of(normalised: &str) -> Self {
        let found = PHRASES.into_iter().find(|(_, phrases)| phrases.split('|').any(|p| has(normalised, p)));
        found.map_or(Self::Generic, |(kind, _)| kind)
    }

    /// Points of a fresh headline of this kind.
    pub(super) const fn points(self, points: &CatalystPoints) -> Micro {
        match self {
            Self::Offering => points.offering,
            Self::Merger => points.merger,
            Self::Clinical => points.clinical,
            Self::Earnings => points.earnings,
            Self::Contract => points.contract,
            Self::Analyst => points.analyst,
            Self::Legal => points.legal,
            Self::Promotion => points.promotion,
            Self::Commentary | Self::Generic => points.generic,
        }
    }
}

/// A headline as far as the score needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headline {
    /// The vendor and its id of the article.
    pub news_id: String,
    /// When it was published.
    pub published_at: UnixNanos,
    /// The headline, normalised.
    pub story: String,
    /// What it is about.
    pub kind: HeadlineKind,
    /// True when it names no other symbol.
    pub sole: bool,
    /// The publisher in lower case.
    pub publisher: String,
    /// The vendor's share of the article about this symbol, 0 to 1.
    pub relevance: Option<Micro>,
    /// The vendor's sentiment, −1 to 1.
    pub sentiment: Option<Micro>,
}

impl Headline {
    /// What `news` says to `symbol`.
    pub fn new(news: &NewsPublished, symbol: &Symbol) -> Self {
        let mention = news.mentions.iter().find(|mention| mention.symbol == *symbol);
        let story = normalise(&news.headline);
        Self {
            news_id: news.news_id.clone(),
            published_at: news.published_at,
            kind: HeadlineKind::of(&story),
            sole: news.symbols.len() == 1,
            publisher: news.source.to_lowercase(),
            relevance: mention.and_then(|m| m.relevance),
            sentiment: mention.and_then(|m| m.sentiment),
            story,
        }
    }

    /// True for the target of a merger that is paid in cash: its price is pinned to the offer.
    pub fn is_cash_merger(&self) -> bool {
        self.kind == HeadlineKind::Merger && CASH.split('|').any(|p| has(&self.story, p))
    }
}

/// Words in lower case with one blank between; punctuation and case do not make another story.
pub fn normalise(headline: &str) -> String {
    let mut words = String::with_capacity(headline.len());
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’');
    for word in headline.split(|c: char| !kept(c)).filter(|w| !w.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        let letters = word.chars().filter(|c| c.is_alphanumeric());
        words.extend(letters.flat_map(char::to_lowercase));
    }
    words
}

/// True when `phrase` stands in `text` as whole words; a phrase that ends in `*` also matches longer last words.
fn has(text: &str, phrase: &str) -> bool {
    let (phrase, open_ended) = phrase.strip_suffix('*').map_or((phrase, false), |p| (p, true));
    text.match_indices(phrase).any(|(at, _)| {
        let starts = at == 0 || text.as_bytes()[at - 1] == b' ';
        let end = at + phrase.len();
        starts && (open_ended || end == text.len() || text.as_bytes()[end] == b' ')
    })
}

/// Phrases that mark a deal for cash, between bars.
const CASH: &str = "all cash|in cash|cash deal|cash offer|cash transaction|cash merger|for cash";

/// Phrases that mark a kind, between bars.
const PHRASES: [(HeadlineKind, &str); 9] = [
    (
        HeadlineKind::Commentary,
        "why is|why are|why did|heres why|here is why|what to know|what you need to know|stocks moving|\
         stocks to watch|movers|gainers|losers|shareholder alert|investor alert|law firm|law offices|\
         class action|investigates claims|stock is up|stock is down|shares are trading",
    ),
    (
        HeadlineKind::Offering,
        "public offering|registered direct|private placement|stock offering|share offering|\
         offering of common|offering of shares|prices offering|at the market offering|atm offering|\
         convertible notes|convertible senior notes|secondary offering|shelf registration|\
         warrant inducement|dilut*",
    ),
    (
        HeadlineKind::Merger,
        "to be acquired|to be bought|agrees to be acquired|acquired by|acquired for|takeover bid|\
         takeover offer|buyout offer|buyout bid|buyout of|merger agreement|definitive agreement to be|\
         going private|go private|take private|tender offer for",
    ),
    (
        HeadlineKind::Clinical,
        "fda|ema|phase 1|phase 2|phase 3|phase i|phase ii|phase iii|trial results|trial data|topline|\
         top line|clinical trial|late stage trial|primary endpoint|breakthrough therapy|orphan drug|510 k",
    ),
    (
        HeadlineKind::Analyst,
        "upgrade|upgrades|upgraded|downgrade|downgrades|downgraded|price target|initiates coverage|\
         initiated at|reiterates|overweight|underweight|outperform|underperform",
    ),
    (
        HeadlineKind::Earnings,
        "earnings|quarter results|quarterly results|quarter revenue|quarter estimates|quarter profit|\
         quarter loss|financial results|full year results|preliminary results|guidance|outlook|forecast|\
         forecasts|eps|beats estimates|tops estimates|misses estimates|record bookings|record revenue|\
         preannounce*",
    ),
    (
        HeadlineKind::Contract,
        "contract|contracts|partnership|partners with|collaboration|strategic alliance|join forces|\
         joint venture|license agreement|licensing agreement|supply agreement|purchase order|selected by|\
         awarded",
    ),
    (
        HeadlineKind::Legal,
        "lawsuit|sues|sued|settlement|settles|court|verdict|jury|antitrust|subpoena|sec charges|\
         sec investigation|justice department|patent ruling|fined",
    ),
    (
        HeadlineKind::Promotion,
        "sponsored|paid promotion|stock alert|hot stock|must watch|next big thing|explosive growth|\
         hidden gem|under the radar|penny stock|could soar|ready to explode",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_what_a_headline_is_about() {
        let check = |headline: &str, expected: HeadlineKind| {
            assert_eq!(HeadlineKind::of(&normalise(headline)), expected, "{headline}");
        };
        check("Acme Tops Third-Quarter Estimates and Raises Full-Year Guidance", HeadlineKind::Earnings);
        check("Acme cuts full-year outlook after weak orders", HeadlineKind::Earnings);
        check("Acme Announces FDA Approval of Gizmo", HeadlineKind::Clinical);
        check("Acme announces positive late-stage trial results", HeadlineKind::Clinical);
        check("Acme to be acquired by Globex for $30 per share in cash", HeadlineKind::Merger);
        check("Acme wins $480 million contract with the Navy", HeadlineKind::Contract);
        check("Acme upgraded to Buy, target lifted 25%", HeadlineKind::Analyst);
        check("Bank raises Acme price target after earnings", HeadlineKind::Analyst);
        check("Acme's market grip is threatened, analyst says", HeadlineKind::Generic);
        check("Acme prices public offering of common stock", HeadlineKind::Offering);
        check("Acme announces earnings and a $50M registered direct offering", HeadlineKind::Offering);
        check("Jury finds Acme infringed a patent", HeadlineKind::Legal);
        check("Why is Acme up 40% after earnings?", HeadlineKind::Commentary);
        check("Here's why Acme's FDA decision matters", HeadlineKind::Commentary);
        check("SHAREHOLDER ALERT: Law Offices of X announce a class action against Acme", HeadlineKind::Commentary);
        check("This hidden gem could soar", HeadlineKind::Promotion);
        check("Acme to present at investor conference", HeadlineKind::Generic);
        check("Acme courteous steps forward", HeadlineKind::Generic);
    }

    #[test]
    fn case_punctuation_and_spacing_do_not_make_another_story() {
        let one = normalise("Acme's Q3: Record — Revenue!");
        assert_eq!(one, "acmes q3 record revenue");
        assert_eq!(one, normalise("ACMES   q3 record revenue"));
        assert_ne!(one, normalise("Acme's Q4: record revenue"));
    }

    #[test]
    fn only_a_target_paid_in_cash_is_pinned() {
        let check = |headline: &str, expected: bool| {
            let news = NewsPublished {
                news_id: "n".into(),
                symbols: vec!["ACME".parse().unwrap()],
                headline: headline.into(),
                summary: String::new(),
                source: "PRNewswire".into(),
                url: String::new(),
                published_at: UnixNanos::default(),
                mentions: Vec::new(),
            };
            assert_eq!(Headline::new(&news, &"GME".parse().unwrap()).is_cash_merger(), expected, "{headline}");
        };
        check("Acme to be acquired by Globex in all-cash deal", true);
        check("Acme to be acquired by Globex in stock", false);
        check("Acme holds $2 billion in cash", false);
    }
}
