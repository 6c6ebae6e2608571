// Workers that are killed and suspended in the middle of a stream: real processes, real sockets.
#include <doctest/doctest.h>

#include <array>
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
