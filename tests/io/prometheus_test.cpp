#include "dispart/io/prometheus.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace dispart;

TEST_CASE("prometheus: help, type, labels, escapes, numbers") {
    const std::vector<io::metric_family> families{
        {"dispart_answers_total", "requests\nthat \\ were \"answered\"", "counter", {{{}, 1500.0}}},
        {"dispart_compute_seconds",
         "a request",
         "gauge",
         {{{{"device", "a\"b\\c\n"}, {"stage", "0"}}, 0.125},
          {{{"device", "d"}}, std::numeric_limits<double>::infinity()},
          {{{"device", "e"}}, std::numeric_limits<double>::quiet_NaN()},
          {{{"device", "f"}}, 1e-9}}}};
    CHECK(io::prometheus_text(families) ==
          "# HELP dispart_answers_total requests\\nthat \\\\ were \"answered\"\n"
          "# TYPE dispart_answers_total counter\n"
          "dispart_answers_total 1500\n"
          "# HELP dispart_compute_seconds a request\n"
          "# TYPE dispart_compute_seconds gauge\n"
          "dispart_compute_seconds{device=\"a\\\"b\\\\c\\n\",stage=\"0\"} 0.125\n"
          "dispart_compute_seconds{device=\"d\"} +Inf\n"
          "dispart_compute_seconds{device=\"e\"} NaN\n"
          "dispart_compute_seconds{device=\"f\"} 1e-09\n");
    CHECK(io::prometheus_text({}).empty());
}
