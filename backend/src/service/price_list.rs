//! What the models of providers cost.

use nexus_domain::{ChatUsage, Currency, Prices, Purpose};

/// What models cost, as the settings say.
#[derive(Clone, Debug)]
pub struct PriceList {
    pub currency: Currency,
    /// Provider, chat model, and what it takes.
    pub prices: Vec<(String, String, Prices)>,
    /// The same of the embedding model.
    pub embedding: Option<(String, String, Prices)>,
}

impl PriceList {
    /// What a model takes; `None` where it has no price.
    pub(super) fn of(&self, purpose: Purpose, provider: &str, model: &str) -> Option<Prices> {
        let prices = match purpose {
            Purpose::Embedding => self.embedding.as_slice(),
            Purpose::Answer | Purpose::Rewrite | Purpose::Chat => self.prices.as_slice(),
        };
        let mut named = prices
            .iter()
            .filter(|(of, name, _)| of == provider && name == model);
        named.next().map(|(.., prices)| *prices)
    }

    /// The most that so many tokens of a chat model may cost; `None` where none has a price.
    pub fn most(&self, usage: ChatUsage) -> Option<u64> {
        self.prices.iter().map(|(.., prices)| prices.of(usage)).max()
    }

    /// What it costs to make a vector of so many tokens; `None` where the embedding model has no price.
    pub fn of_vector(&self, tokens: u64) -> Option<u64> {
        let (.., prices) = self.embedding.as_ref()?;
        Some(prices.of_tokens(tokens, 0))
    }
}
