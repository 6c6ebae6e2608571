// The same run over every transport that the command line was built with.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cli/processes.hpp"

namespace {

/// The exit status of a command, whose output is dropped.
int status_of(const std::string& command) {
    const int raw = std::system(("timeout 200 " + command + " >/dev/null 2>&1").c_str());
    return WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
}

/// Whether the binary knows a transport: the others are named when it does not.
bool has_transport(const std::string& name) {
    const std::string says = "'" + dispart::test::cli_binary() + "' worker --transport none --json 2>&1";
    return status_of("bash -c \"" + says + " | grep -q " + name + "\"") == 0;
}

}  // namespace

TEST_CASE("run --transport: outputs are right over TCP, gRPC and MPI") {
    const std::string out = (std::filesystem::temp_directory_path() / "dispart-transports").string();
    const std::string run =
        "'" + dispart::test::cli_binary() +
        "' run --check --model squeezenet --image 96 --algorithm even --requests 8 --out " + out;
    CHECK(status_of(run + " --local 2 --transport tcp") == 0);
    if (has_transport("grpc")) CHECK(status_of(run + " --local 2 --transport grpc") == 0);
    else MESSAGE("no gRPC here");
    if (has_transport("mpi")) {
        const std::string cluster = out + "-ranks.json";
        std::ofstream(cluster) << R"({"name": "ranks", "devices": [
            {"name": "a", "speed_flops": "10 GFLOPS", "memory_bytes": "2 GiB", "address": "1:7"},
            {"name": "b", "speed_flops": "10 GFLOPS", "memory_bytes": "2 GiB", "address": "2:7"}],
            "links": [{"between": ["a", "b"], "latency_s": "1 ms", "bandwidth_bytes_per_s": "1 Gbit/s"}],
            "source": "a", "sink": "a"})";
        const std::string worker =
            " : -np 1 '" + dispart::test::cli_binary() + "' worker --transport mpi --deployments 1 --listen ";
        CHECK(status_of("mpirun --allow-run-as-root --oversubscribe -np 1 " + run +
                        " --transport mpi --cluster " + cluster + worker + "1:7" + worker + "2:7") == 0);
    } else {
        MESSAGE("no MPI here");
    }
}
