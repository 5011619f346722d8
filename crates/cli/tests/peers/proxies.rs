//! Caching proxies in front of the responder.
