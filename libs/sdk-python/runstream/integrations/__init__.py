"""Callbacks for training frameworks, each in its framework's own convention: `from runstream.integrations.xgboost import RunstreamCallback`.
A module here imports its framework, and nothing else of the package does. `runstream.autolog()` adds them by itself."""
