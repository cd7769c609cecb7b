//! Models built in code: what they become, and what is refused with which words.
