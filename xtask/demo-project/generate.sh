#!/bin/sh
# Usage: generate.sh CONTENT SITE VERSION
# Turns each text file of CONTENT into a page of SITE; its first line is the page's title.
set -eu
content=$1 site=$2 version=$3
mkdir -p "$site"
{
    echo "<h1>Pages</h1>"
    for file in "$content"/*.txt; do
        name=$(basename "$file" .txt)
        title=$(head -n 1 "$file")
        {
            echo "<title>$title</title>"
            echo "<h1>$title</h1>"
            tail -n +2 "$file" | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/^$/<p>/'
        } > "$site/$name.html"
        echo "<p><a href=\"$name.html\">$title</a>"
    done
    echo "<p>Version $version"
} > "$site/index.html"
