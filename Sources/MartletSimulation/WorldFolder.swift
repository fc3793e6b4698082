#if os(Linux)
import Foundation
import Synchronization

/// A folder for the files of one world, made when the first is wanted and removed with the world.
final class WorldFolder: Sendable {
    private static let count = Atomic(0)
    private let made = Mutex<URL?>(nil)

    /// The path of something in the folder.
    func path(of name: String) -> String {
        made.withLock { made in
            if let made { return made.appending(path: name).path }
            let number = Self.count.add(1, ordering: .relaxed).newValue
            let folder = FileManager.default.temporaryDirectory
                .appending(path: "martlet-simulation-\(ProcessInfo.processInfo.processIdentifier)-\(number)")
            // Where it can't be made, whoever opens a file in it says so.
            try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            made = folder
            return folder.appending(path: name).path
        }
    }

    func removeAll() {
        guard let folder = made.withLock({ $0.take() }) else { return }
        try? FileManager.default.removeItem(at: folder)
    }
}
#endif
