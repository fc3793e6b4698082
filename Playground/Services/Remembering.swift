import Martlet
import MartletMQTT
import MartletService

/// Remembers what it was told, from one run to the next: by steps, and without a type.
struct Remembering: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>
    let state: StateFile<JSON>

    init(service: Context) async throws {
        self.service = service
        state = try await service.state(default: [:])
    }

    var components: [any Component] {
        Handle("foo/bar") { (value: Int) in
            try await service.publish(state["foo", "bar", default: 23], to: "before")
            try await state.set("foo", "bar", to: .integer(Int64(value)))
            try await service.publish(state["foo", "bar", default: 23], to: "after")
        }
    }
}

/// Has settings with tables and lists in them, in the section `some_other_service`.
struct Configured: ServiceProgram {
    struct Settings: Decodable, Sendable {
        struct Some: Decodable, Sendable { var custom: [String] }
        var hasSome: Some
    }

    static let name = "some_other_service"
    let service: ServiceContext<MQTTConnection, Settings>

    var components: [any Component] {
        Every(.milliseconds(500)) { try await service.publish(service.settings.hasSome.custom[0], to: "custom") }
    }
}
