// Workers that are killed and suspended in the middle of a stream: real processes, real sockets.
#include <doctest/doctest.h>

#include <sys/resource.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "cli/processes.hpp"
#include "support/temporary.hpp"

using namespace dispart;

TEST_CASE(
    "run --adapt: a worker is killed, one is suspended and returns; every request has its right answer") {
    const test::temporary_folder folder;
    const std::array<test::worker_process, 3> workers;
    const std::string cluster = (folder / "three.json").string();
    test::write_cluster(
        cluster, {{"a", workers[0].address()}, {"b", workers[1].address()}, {"c", workers[2].address()}});
    std::thread trouble([&] {
        test::pause_seconds(2.5);
        workers[1].send(SIGKILL);
        test::pause_seconds(3.0);
        workers[2].send(SIGSTOP);
        test::pause_seconds(4.0);
        workers[2].send(SIGCONT);
    });
    const auto told = test::json_of(
        "run --adapt --check --model resnet18 --image 96 --requests 1500 --algorithm even --cluster " +
        cluster + " --out " + (folder / "out").string());
    trouble.join();
    INFO(told.dump(1));
    REQUIRE(told.is_object());
    CHECK(told["answered"] == 1500);
    CHECK(told["without_outcome"] == 0);
    CHECK(told["more_than_one_outcome"] == 0);
    CHECK(told["mismatches"] == 0);
    CHECK(told["service"]["failures"].get<int>() >= 2);
    CHECK(told["service"]["members"]["b"] == "lost");
    CHECK(told["longest_gap_s"].get<double>() < 5.0);  // detected within 2 s, resumed within 3 s of it

    const auto asked = test::json_of("status --cluster " + cluster + " --out " + (folder / "out").string());
    CHECK(asked["workers"][0]["answers"] == true);
    CHECK(asked["workers"][1]["answers"] == false);
    CHECK(asked["run"]["answered"] == 1500);
}

TEST_CASE(
    "run --adapt --rollout: a model takes the place of another while requests flow; each answer is of one") {
    const test::temporary_folder folder;
    const auto file = [&](const std::string& name) { return (folder / name).string(); };
    for (const std::string seed : {"1", "2"})  // the same layers, other weights
        static_cast<void>(test::json_of("export --model squeezenet --image 64 --seed " + seed + " --out " +
                                        file("v" + seed + ".onnx")));
    const std::array<test::worker_process, 2> workers;
    test::write_cluster(file("two.json"), {{"a", workers[0].address()}, {"b", workers[1].address()}});
    const std::string run = "run --adapt --check --requests 400 --algorithm even --model " + file("v1.onnx") +
                            " --cluster " + file("two.json") + " --out " + file("out") + " --rollout ";
    const auto told = test::json_of(run + file("v2.onnx") + " --rollout-after 150");
    INFO(told.dump(1));
    REQUIRE(told.is_object());
    CHECK(told["answered"] == 400);
    CHECK(told["more_than_one_outcome"] == 0);
    CHECK(told["mismatches"] == 0);  // each against the outputs of the version that it names
    CHECK(told["service"]["epoch"] == 2);
    CHECK(told["service"]["failures"] == 0);
    const auto first = told["by_version"][file("v1.onnx")].get<std::size_t>();
    CHECK(first + told["by_version"][file("v2.onnx")].get<std::size_t>() == 400);
    CHECK(first > 0);
    CHECK(first < 300);
}

TEST_CASE("run --adapt: workers may have half the memory from now on, and get stages that fit") {
    const test::temporary_folder folder;
    const std::array<test::worker_process, 2> workers;
    const std::string cluster = (folder / "two.json").string(), out = (folder / "out").string();
    test::write_cluster(cluster, {{"a", workers[0].address()}, {"b", workers[1].address()}}, "6 MiB");
    std::thread trouble([&] {
        test::pause_seconds(2.0);
        const rlimit half{3U << 20U, RLIM_INFINITY};  // as prlimit --rss
        for (const auto& each : workers) CHECK(::prlimit(each.pid(), RLIMIT_RSS, &half, nullptr) == 0);
    });
    const auto told = test::json_of(
        "run --adapt --check --model squeezenet --image 64 --requests 1000000 --for 8 --cluster " + cluster +
        " --out " + out);
    trouble.join();
    INFO(told.dump(1));
    REQUIRE(told.is_object());
    CHECK(told["answered"] == told["requests"]);
    CHECK(told["mismatches"] == 0);
    CHECK(told["service"]["epoch"].get<int>() >= 2);
    CHECK(told["service"]["failures"] == 0);
    std::ifstream metrics(out + "/metrics.prom");
    const std::string text{std::istreambuf_iterator<char>(metrics), {}};
    INFO(text);
    CHECK(text.find("dispart_memory_bytes{device=\"a\"} 3145728") != std::string::npos);
    CHECK(text.find("dispart_memory_bytes{device=\"b\"} 3145728") != std::string::npos);
}
