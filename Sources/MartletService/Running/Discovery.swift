import Martlet

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a service announces, outside of a run: printed, or taken back.
///
/// The service may run meanwhile: this takes neither its name at the broker nor its state.
struct Discovery<Program: ServiceProgram> {
    let plan: ServicePlan<Program.Settings>

    func perform(isRemoving: Bool) async throws {
        // A state that nobody keeps.
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let link = try await Program.Link.connect(
            to: plan.broker.value,
            connection: plan.visit(mustConnect: isRemoving)
        )
        try await link.closing { link in
            let context = plan.context(on: link, stateFile: StateLocation(name: plan.name, in: folder))
            let program = try await Program(service: context)
            for companion in plan.scope.companions(of: program.components) {
                for (topic, document) in try companion.documents() {
                    print("\(topic.mqtt)\t\(document)")
                }
                if isRemoving { try await companion.remove(on: link) }
            }
        }
    }
}
