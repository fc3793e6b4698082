import Martlet
import MartletAMQP
import MartletService

/// Serves a method.
struct Server: ServiceProgram {
    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        ServeMethods(of: "myotherservice", on: service.connection, style: .farine) {
            Method("dummy") { (_: NoArguments) in true }
            Method("process") { (data: Mixed.Reading) in data.value * 2 }
        }
    }
}

/// Calls it, once a second.
struct Client: ServiceProgram {
    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        let rpc = MethodClient(of: "myotherservice", on: service.connection, style: .farine)
        Every(.seconds(1)) {
            let result: Bool = try await rpc.call("dummy")
            print("dummy says \(result)")
        }
        .onFailure(.restart())
    }
}

/// Serves a method that answers with several values.
struct Letters: ServiceProgram {
    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        ServeMethods(of: "letters", on: service.connection, style: .farine) {
            StreamMethod("dummy") { (_: NoArguments, send) in
                for letter in ["a", "b"] { try await send(letter) }
            }
        }
    }
}

/// Reads them.
struct Reader: ServiceProgram {
    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        let rpc = MethodClient(of: "letters", on: service.connection, style: .farine)
        Execute("reading", backoff: Backoff(initial: .seconds(1))) {
            for try await letter in try await rpc.stream("dummy", returning: String.self) { print("letter \(letter)") }
        }
    }
}
