struct Bench { func run() async throws {} }
