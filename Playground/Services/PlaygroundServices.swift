import MartletService

/// Small services in one program, a concept each: `Playground/run service NAME --config FILE` runs one of them.
@main enum PlaygroundServices: ServiceCollection {
    static let services: [any ServiceProgram.Type] = [
        Echo.self, Minimal.self, MinimalWithInit.self, Handlers.self, Values.self, Changes.self, Loops.self,
        Remembering.self, Configured.self, Greenhouse.self,
        Publish.self, Consume.self, Server.self, Client.self, Letters.self, Reader.self, Worker.self, Mixed.self,
        Feed.self,
    ]
}
