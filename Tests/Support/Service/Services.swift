import Martlet
import MartletMQTT
import MartletService
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// miqro's own example.
struct Echo: ServiceProgram {
    struct Settings: Decodable, Sendable {
        var customValue: String
    }

    struct Answer: Codable, Sendable {
        var answer: Double
        var configDemo: String

        private enum CodingKeys: String, CodingKey {
            case answer
            case configDemo = "config_demo"
        }
    }

    let service: ServiceContext<MQTTConnection, Settings>

    var components: [any Component] {
        Handle("echo") { (text: String) in try await service.publish(text, to: "echo_response") }
        Every(.milliseconds(200)) {
            try await service.publish(Answer(answer: 42.01, configDemo: service.settings.customValue), to: "foofoo")
        }
    }
}

/// Says that it is online.
struct Minimal: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>
}

/// Remembers, and tells what it gets.
struct Gadget: ServiceProgram {
    struct Memory: Codable, Sendable {
        var powersave = false
        var sent = 0
    }

    static let name = "gadget-1"
    let service: ServiceContext<MQTTConnection, NoSettings>
    let memory: StateFile<Memory>

    init(service: Context) async throws {
        self.service = service
        memory = try await service.state(default: Memory())
    }

    var components: [any Component] {
        Consecutive {
            Handle("powersave") { (isOn: Bool) in
                try await memory.update { $0.powersave = isOn }
                try await service.publish(memory.value.powersave, to: "state/powersave", retain: true)
            }
            Handle("sms/send/#") { (text: String, number: String) in
                let sent = try await memory.update { memory in
                    memory.sent += 1
                    return memory.sent
                }
                try await service.publish("\(sent): \(number): \(text)", to: "sms/sent", guarantee: .atLeastOnce)
            }
        }
    }
}

/// Can't be made.
struct Broken: ServiceProgram {
    struct NoPump: Error, CustomStringConvertible {
        let description = "no pump is connected"
    }

    let service: ServiceContext<MQTTConnection, NoSettings>

    init(service: Context) throws {
        throw NoPump()
    }
}

/// Falls ill on request: a part of it fails, or all threads of tasks are taken for ever.
struct Ailing: ServiceProgram {
    struct Fault: Error {}

    let service: ServiceContext<MQTTConnection, NoSettings>

    var components: [any Component] {
        Subscribe(to: Topic<JSON>(mqtt: "service/ailing/fail"), codec: PlainText(), onHandlerError: .fail) { _ in
            throw Fault()
        }
        .onFailure(.end)
        .named("pump")
        Handle("block") { (_: String) in
            print("blocks")
            fflush(nil)
            for _ in 0..<sysconf(Int32(_SC_NPROCESSORS_ONLN)) * 2 { Task { while true { sleep(1_000) } } }
        }
    }
}

/// Is stopped and started by its topic.
struct Switched: ServiceProgram {
    static let isSwitchable = true
    static let decimals = 1
    let service: ServiceContext<MQTTConnection, NoSettings>

    var components: [any Component] {
        Every(.milliseconds(50)) { try await service.publish(3.14159, to: "pi") }
    }
}
