// dispart worker: serves stages until it is told to stop.
#include <csignal>
#include <cstdio>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <atomic>
#include <stop_token>
#include <thread>

#include "dispart/carrier.hpp"
#include "dispart/codecs.hpp"
#include "dispart/commands.hpp"
#include "dispart/engine.hpp"
#include "dispart/io/onnx/read.hpp"
#include "dispart/run/worker.hpp"

namespace cli {

using namespace dispart;

namespace {
std::atomic<bool> interrupted{false};
void interrupt(int) { interrupted = true; }

/// Tensors come and go with every request; memory that went back to the system in between has to be paged in again, which
/// costs some machines as long as computing on it.
void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);  // what one thread frees, another takes
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}
}  // namespace

result<int> worker(const worker_arguments& given, bool) {
    if (!(given.slowdown >= 1.0)) return fail(errc::invalid_argument, "--slowdown", "it must be 1 or more");
    keep_freed_memory();
    DISPART_TRY(auto carrier, make_carrier(given.carrier));
    DISPART_TRY(auto listener, carrier.listen(given.listen));
    std::printf("listening %s\n", listener.address().c_str());
    std::fflush(stdout);

    std::signal(SIGTERM, interrupt);
    std::signal(SIGINT, interrupt);
    std::signal(SIGPIPE, SIG_IGN);
    std::stop_source stop;
    std::atomic<bool> done{false};
    std::thread watch([&] {
        while (!interrupted && !done) std::this_thread::sleep_for(std::chrono::milliseconds(50));
        stop.request_stop();
    });
    worker_options options{.name = given.name.empty() ? node_name(carrier, "worker") : given.name,
                           .decode =
                               [](std::span<const std::byte> bytes) {
                                   return io::read_onnx(bytes, {.simplify = false, .infer = false});
                               },
                           .codecs = known_codecs(),
                           .deployments = given.deployments,
                           .log = {}};
    if (!given.cache.empty()) {
        DISPART_TRY(options.folder, shard_folder::open(given.cache, std::size_t{8} << 30));
    }
    if (!given.quiet)
        options.log = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
    dispart::worker<any_transport, local_backend>(carrier, {given.slowdown, given.backend}, std::move(options))
        .serve(std::move(listener), stop.get_token());
    done = true;
    watch.join();
    return 0;
}

}  // namespace cli
