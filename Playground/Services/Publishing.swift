import Martlet
import MartletMQTT
import MartletService

/// All forms of values, and all ways to publish them.
struct Values: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>

    var components: [any Component] {
        Handle("go") { (_: String) in
            try await service.publish("bar", to: "text")
            try await service.publish(true, to: "switch")
            try await service.publish(nil as String?, to: "nothing")
            try await service.publish(3.14159265, to: "pi")
            try await service.publish([1.5, 2], to: "list")
            try await service.publish(["answer": 42.01], to: "object")
            try await service.publish(membersOf: ["answer": 42.01], to: "foo")
            try await service.publish(membersOf: ["volume": 11])
            try await service.publish(21.5, to: "kept", retain: true)
            try await service.publish("important", to: "sure", guarantee: .exactlyOnce)
            try await service.publish("far away", to: .global("house/note"))
        }
    }
}

/// A value is published when it has changed, or when it was not for a while.
struct Changes: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>

    var components: [any Component] {
        Handle("wind") { (speed: Double) in
            try await service.publish(speed, to: "changed", changes: .onlyIfChanged)
            try await service.publish(speed, to: "repeated", changes: .onlyIfChanged(maximumAge: .milliseconds(100)))
        }
    }
}
