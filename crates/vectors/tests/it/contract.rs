use crate::fixture::EdgeFixture;

nexus_vectors::contract_suite!(EdgeFixture::new().await);
