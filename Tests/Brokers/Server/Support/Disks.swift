import Foundation
import Martlet
import MartletTesting
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A disk whose process ends at a call: that is half done, and there is no other after it. What the files are like then is copied.
final class Crash: Sendable {
    private let left: Mutex<Int>
    private let folder: String
    private let copy: String

    init(after calls: Int, of folder: String, to copy: String) {
        left = Mutex(calls)
        (self.folder, self.copy) = (folder, copy)
    }

    var hasCome: Bool { left.withLock { $0 < 0 } }

    private func count() -> Int {
        left.withLock { left in
            left -= 1
            return left
        }
    }

    var disk: StoreDisk {
        var disk = StoreDisk.system
        disk.write = { file, bytes in
            let left = self.count()
            if left >= 0 { return StoreDisk.system.write(file, bytes) }
            if left == -1 {
                _ = StoreDisk.system.write(file, UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]))
                self.end()
            }
            return self.fail()
        }
        disk.sync = { file in
            let left = self.count()
            if left >= 0 { return StoreDisk.system.sync(file) }
            if left == -1 { self.end() }
            return Int32(self.fail())
        }
        return disk
    }

    /// Copies the files. A thread that is not told of the end yet may be giving them names, or removing them: then once more.
    private func end() {
        let files = FileManager.default
        while true {
            let names = (try? files.contentsOfDirectory(atPath: folder)).map(Set.init)
            try? files.removeItem(atPath: copy)
            let isWhole = (try? files.copyItem(atPath: folder, toPath: copy)) != nil
            if isWhole, names == (try? files.contentsOfDirectory(atPath: folder)).map(Set.init) { return }
        }
    }

    private func fail() -> Int {
        errno = EIO
        return -1
    }
}

/// A disk that loses at a power cut what was not forced onto it.
final class PowerCut: Sendable {
    /// How much of each file is on the disk for certain, by the file's number.
    private let certain = Mutex<[UInt64: Int]>([:])
    private let late = Mutex(false)

    /// Whether forcing comes too late.
    var isLate: Bool {
        get { late.withLock { $0 } }
        set { late.withLock { $0 = newValue } }
    }

    var disk: StoreDisk {
        var disk = StoreDisk.system
        disk.sync = { file in
            var status = stat()
            if !self.isLate, fstat(file, &status) == 0 {
                self.certain.withLock { $0[UInt64(status.st_ino)] = Int(status.st_size) }
            }
            return 0
        }
        return disk
    }

    /// Loses pages at random behind what is certain.
    func lose(in folder: String, _ random: inout SplitMix64) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("log-") {
            let path = folder + "/" + name
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            let safe = certain.withLock { $0[UInt64(status.st_ino)] } ?? 0
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            guard bytes.count > safe else { continue }
            if Bool.random(using: &random) { bytes.removeLast(.random(in: 0...(bytes.count - safe), using: &random)) }
            var page = safe
            while page < bytes.count {
                let end = min(bytes.count, (page / 512 + 1) * 512)
                if Bool.random(using: &random) { for position in page..<end { bytes[position] = 0 } }
                page = end
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        }
    }
}

/// A disk that has so many bytes for the files of a folder.
final class FullDisk: Sendable {
    private let folder: String
    private let most: Mutex<Int>

    init(_ folder: String, limit: Int) {
        self.folder = folder
        most = Mutex(limit)
    }

    var limit: Int {
        get { most.withLock { $0 } }
        set { most.withLock { $0 = newValue } }
    }

    var used: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.reduce(0) { sum, name in
            var status = stat()
            return sum + (stat(folder + "/" + name, &status) == 0 ? Int(status.st_size) : 0)
        }
    }

    var disk: StoreDisk {
        var disk = StoreDisk.system
        disk.write = { file, bytes in
            let room = self.limit - self.used
            guard room > 0 else {
                errno = ENOSPC
                return -1
            }
            return StoreDisk.system.write(file, UnsafeRawBufferPointer(rebasing: bytes.prefix(room)))
        }
        return disk
    }
}

/// A disk that takes its time: nothing is on it before it is let go.
final class SlowDisk: Sendable {
    private let isHeld = Mutex(false)

    func hold() { isHeld.withLock { $0 = true } }
    func letGo() { isHeld.withLock { $0 = false } }

    var disk: StoreDisk {
        var disk = StoreDisk.system
        disk.sync = { file in
            while self.isHeld.withLock({ $0 }) { usleep(1_000) }
            return StoreDisk.system.sync(file)
        }
        return disk
    }
}
