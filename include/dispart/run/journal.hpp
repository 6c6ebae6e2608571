#pragma once
/// \file
/// What a service has taken and answered, on disk: a coordinator that is started again goes on where it was, and one that
/// stands by takes over.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

    /// Opens or makes the file and reads it. Who stands by waits here until the process that has it has ended.
    /// \param until for how long
    /// Errors: timeout (another process has it), io_error, parse_error (not a journal).
    [[nodiscard]] static result<std::unique_ptr<request_journal>>
    open(const std::string& path, deadline until = clock_now(), bool sync = false) {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (file < 0) return fail(errc::io_error, path, std::strerror(errno));
        std::unique_ptr<request_journal> made(new request_journal(path, file, sync));
        while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
            if (clock_now() >= until) return fail(errc::timeout, path, "another process has this journal");
            sleep_until(deadline_in(seconds(0.02)));
        }
        DISPART_CHECK(made->read_all());
        return made;
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

    /// Errors: io_error.
    [[nodiscard]] result<void> taken(request_id id, const std::vector<tensor>& inputs) {
        tensor_message_writer writer;
        const any_codec raw{raw_codec{}};
        DISPART_TRY(const auto buffers, writer.write(id, 0, inputs, raw));
        std::vector<std::byte> payload;
        for (const auto& each : buffers) payload.insert(payload.end(), each.begin(), each.end());
        return append(kind::taken, id, payload);
    }
    /// Errors: io_error.
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

    request_journal(std::string path, int file, bool sync)
        : path_(std::move(path))
        , file_(file)
        , sync_(sync) {}

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
        for (std::size_t done = 0; done < all.size();) {
            const ssize_t wrote = ::write(file_, all.data() + done, all.size() - done);
            if (wrote < 0 && errno != EINTR) return failed("cannot write");
            done += static_cast<std::size_t>(std::max<ssize_t>(wrote, 0));
        }
        if (sync_ && ::fdatasync(file_) != 0) return failed("cannot sync");
        return {};
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
    std::mutex mutex_{};
    std::map<request_id, std::vector<tensor>> open_{};
    id_set seen_{};
    id_set ended_{};
};

}  // namespace dispart
