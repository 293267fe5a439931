//! Bytes to messages, at any chunking, in bounded memory. Knows no provider.
