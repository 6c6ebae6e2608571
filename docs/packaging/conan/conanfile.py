import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy


class Dispart(ConanFile):
    name = "dispart"
    version = "0.1.0"
    description = "Divides, allocates and schedules deep-network inference over unequal machines"
    license = "MIT"
    topics = ("deep-learning", "edge", "scheduling", "partitioning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_json": [True, False], "with_onnx": [True, False], "with_tls": [True, False]}
    default_options = {"with_json": True, "with_onnx": True, "with_tls": True}
    no_copy_source = True

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def requirements(self):
        self.requires("boost/1.83.0")
        self.requires("eigen/3.4.0")
        self.requires("tl-expected/1.1.0")
        self.requires("xtensor/0.24.7")
        if self.options.with_json:
            self.requires("nlohmann_json/3.11.3")
        if self.options.with_onnx:
            self.requires("protozero/1.7.1")
        if self.options.with_tls:
            self.requires("openssl/[>=3.0 <4]")

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.variables["DISPART_BUILD_TESTS"] = False
        toolchain.variables["DISPART_BUILD_EXAMPLES"] = False
        toolchain.generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "dispart")
        needs = {
            "core": ["boost::headers", "eigen::eigen", "tl-expected::tl-expected", "xtensor::xtensor"],
            "xml": ["core"],
            "asio": ["core"],
        }
        if self.options.with_json:
            needs["json"] = ["core", "nlohmann_json::nlohmann_json"]
        if self.options.with_onnx:
            needs["onnx"] = ["core", "protozero::protozero"]
        if self.options.with_tls:
            needs["tls"] = ["core", "asio", "openssl::ssl"]
        for name, requires in needs.items():
            component = self.cpp_info.components[name]
            component.set_property("cmake_target_name", "dispart::dispart" if name == "core" else f"dispart::{name}")
            component.requires = requires
            component.bindirs = []
            component.libdirs = []
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.components["asio"].system_libs = ["pthread"]
