import UnixSignals
struct Fleet { init(on: BrokerURL) {} ; func run(signals: [UnixSignal]) async throws {} }
