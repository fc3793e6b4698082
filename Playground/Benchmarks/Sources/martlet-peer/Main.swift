import Foundation
import Martlet

@main
enum Main {
    static func main() async {
        do {
            let job = try Job(Array(CommandLine.arguments.dropFirst()))
            try await run(job)
        } catch {
            FileHandle.standardError.write(Data("martlet-peer: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ job: Job) async throws {
        switch job.workload {
        case "publish": try await Publishing(job).unconfirmed()
        case "confirmed": try await Publishing(job).confirmed()
        case "subscribe": try await Receiving(job).subscribe()
        case "consume": try await Receiving(job).consume()
        case "echo": try await Calling(job).echo()
        case "call": try await Calling(job).callers()
        case "call-on-loop": try await Calling(job).onLoop()
        case "raw": try await Values(job).raw()
        case "typed": try await Values(job).typed()
        case "bridge": try await Bridging(job).run()
        case "idle": try await Idling(job).run()
        default: throw Job.UsageError()
        }
    }
}
