#pragma once
/// \file
/// What a service has taken and answered, on disk: a coordinator that is started again goes on where it was, and one that
/// stands by takes over, from one that ended and from one that hangs.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/run/codecs.hpp"
#include "dispart/run/request_ledger.hpp"
#include "dispart/run/stage_cache.hpp"
#include "dispart/run/tensor_message.hpp"

namespace dispart {

/// An append-only file of records `{length, check, kind, id, payload}`. A record that a crash cut short ends the file.
/// One process at a time has it. From any thread.
///
/// What was taken is written before `submit` returns, what was answered after the caller was told: after a crash a
/// request may be answered again, never lost. With `sync` that holds for power cuts too.
///
/// Who has it holds a lock (`flock`) on the file at the path, and renews the file's time. A process that ends gives up the
/// lock. From one that keeps it and renews nothing, the journal is taken by putting a copy in the file's place: what the
/// hanging one still writes goes to a file that has no name any more, and it finds out before each outcome that it tells.
class request_journal {
  public:
    /// A request that has no outcome yet.
    struct open_request {
        request_id request = 0;
        std::vector<tensor> inputs{};
    };

    request_journal(const request_journal&) = delete;
    request_journal& operator=(const request_journal&) = delete;
    ~request_journal() { ::close(file_); }

    /// Opens or makes the file and reads it. Who stands by waits here until the process that has it has ended, or has not
    /// renewed it for so long.
    /// \param until for how long to stand by \param patience with a process that hangs
    /// Errors: timeout (another process has it), io_error, parse_error (not a journal).
    [[nodiscard]] static result<std::unique_ptr<request_journal>> open(const std::string& path,
                                                                       deadline until = clock_now(),
                                                                       bool sync = false,
                                                                       seconds patience = seconds(3.0)) {
        for (;;) {
            DISPART_TRY(auto made, opened(path, sync));
            sign_of_life last{};
            deadline silent_since = clock_now();
            while (::flock(made->file_, LOCK_EX | LOCK_NB) != 0 && made->owned()) {
                if (const auto now = made->life(); now != last) {
                    last = now;
                    silent_since = clock_now();
                }
                if (clock_now() >= until)
                    return fail(errc::timeout, path, "another process has this journal");
                if (clock_now() - silent_since > deadline_in(patience) - clock_now()) {
                    DISPART_TRY(auto taken, made->take_from_hanging(last));
                    if (taken) return taken;
                }
                sleep_until(deadline_in(seconds(0.02)));
            }
            if (!made->owned()) continue;  // somebody else has taken over meanwhile
            DISPART_CHECK(made->read_all());
            return made;
        }
    }

    /// Says that this process is alive; at least every second. \return false where another one has taken over
    bool renew() const {
        std::array<timespec, 2> now{};
        ::clock_gettime(CLOCK_REALTIME, &now[0]);  // finer than UTIME_NOW
        now[1] = now[0];
        ::futimens(file_, now.data());
        return owned();
    }
    /// Whether the file at the path is this one; where none is, nobody has taken over. One call of the system.
    [[nodiscard]] bool owned() const {
        struct stat there {};
        if (::stat(path_.c_str(), &there) != 0) return errno == ENOENT;
        return there.st_dev == device_ && there.st_ino == inode_;
    }

    /// Requests that were taken and not answered when the journal was opened, by id; given away once.
    [[nodiscard]] std::vector<open_request> take_open() {
        std::vector<open_request> made;
        for (auto& [id, inputs] : std::exchange(open_, {})) made.push_back({id, std::move(inputs)});
        return made;
    }
    /// Whether the id was taken before the journal was opened.
    [[nodiscard]] bool has_seen(request_id id) const { return seen_.contains(id); }
    /// Whether it had its outcome then.
    [[nodiscard]] bool had_ended(request_id id) const { return ended_.contains(id); }

    /// Errors: io_error, cancelled (another process has taken over).
    [[nodiscard]] result<void> taken(request_id id, const std::vector<tensor>& inputs) {
        tensor_message_writer writer;
        const any_codec raw{raw_codec{}};
        DISPART_TRY(const auto buffers, writer.write(id, 0, inputs, raw));
        std::vector<std::byte> payload;
        for (const auto& each : buffers) payload.insert(payload.end(), each.begin(), each.end());
        return append(kind::taken, id, payload);
    }
    /// Errors: as `taken`.
    [[nodiscard]] result<void> ended(request_id id) { return append(kind::ended, id, {}); }

  private:
    enum class kind : std::uint64_t {
        taken = 0x6e656b6174707364,
        ended = 0x6465646e65707364
    };  // "dsptaken", "dspended"
    struct head {
        std::uint64_t length = 0;  ///< of the payload
        std::uint64_t check = 0;   ///< of what follows it
        kind what = kind::taken;
        std::uint64_t id = 0;
    };
    static_assert(sizeof(head) == 32);
    static constexpr std::uint64_t longest = std::uint64_t{1} << 30;

    /// What changes while the process that has the file lives.
    struct sign_of_life {
        std::int64_t size = 0, seconds = 0, nanoseconds = 0;
        bool operator==(const sign_of_life&) const = default;
    };

    request_journal(std::string path, int file, bool sync)
        : path_(std::move(path))
        , file_(file)
        , sync_(sync) {}

    [[nodiscard]] static result<std::unique_ptr<request_journal>> opened(const std::string& path, bool sync) {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (file < 0) return fail(errc::io_error, path, std::strerror(errno));
        std::unique_ptr<request_journal> made(new request_journal(path, file, sync));
        struct stat about {};
        if (::fstat(file, &about) != 0) return made->failed("cannot look at it");
        made->device_ = about.st_dev;
        made->inode_ = about.st_ino;
        return made;
    }

    [[nodiscard]] sign_of_life life() const {
        struct stat about {};
        if (::fstat(file_, &about) != 0) return {};
        return {about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
    }

    /// A copy of the file in its place. Nothing where somebody else does the same, or the other process lives after all.
    /// What that one writes until it can see the copy is copied too.
    result<std::unique_ptr<request_journal>> take_from_hanging(const sign_of_life& last) const {
        const std::string beside = path_ + ".next";
        DISPART_TRY(auto next, opened(beside, sync_));
        next->path_ = path_;
        struct stat there {};
        const bool alone = ::flock(next->file_, LOCK_EX | LOCK_NB) == 0 &&
                           ::stat(beside.c_str(), &there) == 0 && there.st_ino == next->inode_;
        if (!alone) return nullptr;
        if (::ftruncate(next->file_, 0) != 0) return failed("cannot cut its copy");
        std::uint64_t copied = 0;
        DISPART_CHECK(copy_to(*next, copied));
        if (!owned() || life() != last) return nullptr;
        if (std::rename(beside.c_str(), path_.c_str()) != 0) return failed("cannot put a copy in its place");
        DISPART_CHECK(copy_to(*next, copied));
        DISPART_CHECK(next->read_all());
        return next;
    }

    /// Appends to another file what this one has behind so many bytes.
    result<void> copy_to(request_journal& other, std::uint64_t& copied) const {
        std::vector<std::byte> chunk(std::size_t{1} << 20);
        for (;;) {
            const ssize_t got = ::pread(file_, chunk.data(), chunk.size(), static_cast<off_t>(copied));
            if (got < 0 && errno != EINTR) return failed("cannot read it");
            if (got == 0) return {};
            if (got < 0) continue;
            const auto part = std::span(chunk).first(static_cast<std::size_t>(got));
            DISPART_CHECK(other.write_all(part));
            copied += part.size();
        }
    }

    result<void> write_all(std::span<const std::byte> whole) {
        for (std::size_t done = 0; done < whole.size();) {
            const ssize_t wrote = ::write(file_, whole.data() + done, whole.size() - done);
            if (wrote < 0 && errno != EINTR) return failed("cannot write");
            done += static_cast<std::size_t>(std::max<ssize_t>(wrote, 0));
        }
        if (sync_ && ::fdatasync(file_) != 0) return failed("cannot sync");
        return {};
    }

    [[nodiscard]] static std::uint64_t check_of(kind what, request_id id, std::span<const std::byte> payload) {
        const content_id content = content_of(payload);
        return mix64(content.low ^ mix64(content.high ^ mix64(id ^ static_cast<std::uint64_t>(what))));
    }

    [[nodiscard]] tl::unexpected<error> failed(const char* what) const {
        return fail(errc::io_error, path_, std::string(what) + ": " + std::strerror(errno));
    }

    result<void> append(kind what, request_id id, std::span<const std::byte> payload) {
        const head record{payload.size(), check_of(what, id, payload), what, id};
        std::vector<std::byte> all(sizeof record + payload.size());
        std::memcpy(all.data(), &record, sizeof record);
        if (!payload.empty()) std::memcpy(all.data() + sizeof record, payload.data(), payload.size());
        const std::scoped_lock lock(mutex_);
        DISPART_CHECK(write_all(all));
        // after writing: who takes over copies what was written before
        return owned() ? result<void>{} : fail(errc::cancelled, path_, "another process has taken over");
    }

    /// \return whether it was filled whole
    bool read_into(std::span<std::byte> to, std::uint64_t at) const {
        std::size_t done = 0;
        while (done < to.size()) {
            const ssize_t got =
                ::pread(file_, to.data() + done, to.size() - done, static_cast<off_t>(at + done));
            if (got == 0 || (got < 0 && errno != EINTR)) return false;
            done += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
        }
        return true;
    }

    result<void> read_all() {
        struct stat about {};
        if (::fstat(file_, &about) != 0) return failed("cannot look at it");
        const auto size = static_cast<std::uint64_t>(about.st_size);
        std::uint64_t at = 0;
        for (head record; at + sizeof record <= size; at += sizeof record + record.length) {
            static_cast<void>(read_into(std::as_writable_bytes(std::span(&record, 1)), at));
            if (record.what != kind::taken && record.what != kind::ended)
                return fail(errc::parse_error, path_, "this is not a journal");
            if (record.length > longest || record.length > size - at - sizeof record) break;
            buffer payload = buffer_pool(0).acquire(static_cast<std::size_t>(record.length));
            if (!read_into(payload.bytes(), at + sizeof record) ||
                check_of(record.what, record.id, payload.bytes()) != record.check)
                break;
            DISPART_CHECK(replay(record, payload));
        }
        // what follows the last whole record was being written when the process ended
        if (at < size && ::ftruncate(file_, static_cast<off_t>(at)) != 0) return failed("cannot cut it");
        return {};
    }

    result<void> replay(const head& record, const buffer& payload) {
        if (record.what == kind::ended) {
            open_.erase(record.id);
            ended_.insert(record.id);
            return {};
        }
        DISPART_TRY(auto message, decode_tensors(payload, codec_table{}));
        seen_.insert(record.id);
        open_[record.id] = std::move(message.tensors);
        return {};
    }

    std::string path_;
    int file_;
    bool sync_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    std::mutex mutex_{};
    std::map<request_id, std::vector<tensor>> open_{};
    id_set seen_{};
    id_set ended_{};
};

}  // namespace dispart
