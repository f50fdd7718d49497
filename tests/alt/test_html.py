from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.alt.html import images_in_html
from showtell.alt.image import Image


def understood(images: list[Image]) -> list[Image]:
    """Those that a text may be given to."""
    return [image for image in images if not image.review_reason]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("<img src=a.jpg>", ["a.jpg"]),
        ("<IMG SRC='a.jpg'/>", ["a.jpg"]),
        ('<img\n\tsrc = "a&amp;b.jpg?x=1&copy=2"\r\n>', ["a&b.jpg?x=1&copy=2"]),
        ("<img/src=a.jpg/>", ["a.jpg/"]),
        ("<img src=a src=b>", ["a"]),
        ("<img>", [""]),
        ("<p title='<img src=no>'><img title='>' src=a>", ["a"]),
        ('<a href="x"><img src=a></a><picture><source srcset=b><img src=c srcset="d 2x"></picture>', ["a", "c"]),
        ("<template><img src=a></template><noscript><img src=b></noscript>", ["a", "b"]),
        ("<pre><img src=a></pre>", ["a"]),
        # lazy images
        ("<img data-src=a>", ["a"]),
        ("<img src='' data-src=a>", ["a"]),
        ("<img src='data:image/gif;base64,R0' data-src=a>", ["a"]),
        ("<img src=a data-src=b>", ["b"]),
        ("<img src='data:image/gif;base64,R0'>", ["data:image/gif;base64,R0"]),
        # they have a text, or need none
        ('<img src=a alt="A person\'s words">', []),
        ("<img src=a alt=''><img src=a alt><img alt= src=a>", []),
        ("<img src=a ALT=x>", []),
        ("<img src=a :alt=x><img src=a v-bind:alt=x><img [alt]=x src=a><img [attr.alt]=x src=a>", []),
        ("<img src=a role=presentation><img src=a role=' NONE '><img src=a aria-hidden=true>", []),
        ("<img src=a aria-label=x><img src=a aria-labelledby=x>", []),
        ("<img src=a role=img aria-hidden=false aria-label='' title=x>", ["a"]),
        ('<img src="a" {% if x %}alt="b"{% endif %}><img {...props} src=a>', []),
        ('<img src="{{ "a" | url }}">', ['{{ "a" | url }}']),
        ('<img src="{{ a }}">', ["{{ a }}"]),
        # no tags
        ("<!-- <img src=no> --><img src=a>", ["a"]),
        ("<!--><img src=a><!-- --!><img src=b><!---><img src=c>", ["a", "b", "c"]),
        ("<!-- <img src=no>", []),
        ("<! <img src=a> ><? <img src=b> ?></ <img src=c> >", []),
        ("<![CDATA[<img src=no>]]><img src=a>", ["a"]),
        ("<svg><![CDATA[><img src=no>]]></svg><img src=a>", ["a"]),
        ("<svg><style/><img src=a></svg>", ["a"]),
        ("<script>'<img src=no>'</script ><img src=a>", ["a"]),
        ("<style>/*<img src=no>*/</STYLE><img src=a>", ["a"]),
        ("<script>'</scripty><img src=no>'</script><img src=a>", ["a"]),
        ("<script><!-- <script></script><img src=no> --></script><img src=a>", ["a"]),
        ("<script><!--> <script></script><img src=a>", ["a"]),
        ("<textarea><img src=no></textarea><title><img src=no></title><iframe><img src=no></iframe>", []),
        ("<script><img src=no>", []),
        ("<plaintext><img src=no>", []),
        ("<img src=no", []),
        ("<img src='no>", []),
        ("a < b <img src=a> <3 </> <", ["a"]),
        ("<imgs src=a><image src=a><img-x src=a></img src=a>", []),
    ],
)
def test_images_without_alt_are_found(text: str, sources: list[str]) -> None:
    images = understood(images_in_html(text))
    assert [image.source for image in images] == sources
    assert all(text[image.offset - 4 : image.offset].lower() == "<img" for image in images)


@pytest.mark.parametrize(
    "tag",
    [
        *("<img :alt=x>", "<img v-bind:alt.attr=x>", "<img x-bind:alt=x>", "<img bind:alt={x}>", "<img .alt=x>"),
        *("<img [alt]=x>", "<img [attr.alt]=x>", "<img bind-alt=x>", "<img bind-attr.alt=x>", "<img attr.alt=x>"),
        *("<img ng-attr-alt=x>", "<img data-ng-attr-alt=x>", "<img ng:attr:alt=x>", "<img alt$=x>", "<img alt.bind=x>"),
        *("<img th:alt=x>", "<img data-th-alt=x>", "<img th:alt-title=x>", "<img th:attr='src=@{x},alt=#{y}'>"),
        *("<img data-th-attr='alt=#{x}'>", "<img th:attrappend='title=x, alt=y'>"),
        *("<img alt={x}>", "<img {alt}>", "<img { alt } {...x}>", "<img alt='{{ x }}'>", "<img alt={{ x }}>"),
        *("<img onError={(e) => x(e)} alt='x'>", "<img title={'a > b'} alt='x' />", "<img x={`>`} alt=x>"),
        *("<img {% if x %} alt='y' {% endif %}>", "<Image alt=x>", "<amp-img alt=x></amp-img>"),
    ],
)
def test_alt_set_by_code_is_respected(tag: str) -> None:
    assert images_in_html(tag) == []


@pytest.mark.parametrize(
    ("text", "review_reason"),
    [
        ("<img src=a {{ x }}>", "code"),
        ("<img src=a {% if x %}alt='b'{% endif %}>", "code"),
        ("<img src=a <%= x %>>", "code"),
        ("<img src=a <?php x ?>>", "code"),
        ("<img{{ x }} src=a>", "code"),
        ("<img src=a [% x %]>", "code"),
        ("<img src=a $attrs>", "code"),
        ("<img src=a @attributes=x>", "code"),
        ("<img src=a @Html.Raw(x)>", "code"),
        ("<img <c:if test=x>alt='y'</c:if> src=a>", "code"),
        ("<img src=a {...x}>", "code"),
        ("<img {...{a: (b) => c}} src=a>", "code"),
        ("<img src=a v-bind='x'>", "code"),
        ("<img src=a v-bind:[x]=y>", "code"),
        ("<img src=a :='x'>", "code"),
        ("<img src=a py:attrs='x'>", "code"),
        ("<img src=a data-l10n-id='x'>", "code"),
        ("<img src=a data-alt='x'>", "data-alt"),
        ("<img src=a i18n-alt>", "i18n-alt"),
        ("<img src=a data-i18n='[alt]x.y'>", "data-i18n"),
        ("<img src=a data-bind=\"attr: {'alt': x}\">", "data-bind"),
        ("<img src=a data-bind='attr: { src: y, alt: x }'>", "data-bind"),
        ("<img src=a tal:attributes='alt x'>", "tal:attributes"),
        ("<img src=a data-l10n-attrs=alt>", "data-l10n-attrs"),
        ("<img src=a", "tag without an end"),
        ("<img src='a>", "tag without an end"),
        ("<p class='x><img src=a>", "tag without an end"),
        ("<p x={<img src=a />}>", "code"),
        ("{{ '<img src=a>' }}", "code"),
        ("<?php echo '<img src=a>'; ", "code"),
        ("<Image src=a>", "component"),
        ("<amp-img src=a></amp-img>", "component"),
        ("<enhanced:img src=a />", "component"),
        ("<img [src]=x>", "template"),
        ("<img src=a :src='x'>", "template"),
        ("<img src=a th:src='@{x}'>", "template"),
        ("<img src=a :data-src='x'>", "template"),
        ("<img src=a v-lazy='x'>", "template"),
        ("<img src=a th:attr='src=@{x}'>", "template"),
        ("<img {src}>", "template"),
    ],
)
def test_unclear_images_are_reported(text: str, review_reason: str) -> None:
    (image,) = images_in_html(text)
    assert review_reason in image.review_reason


@pytest.mark.parametrize(
    "text",
    [
        *("{# <img src=a> #}", "{% comment %}<img src=a>{% endcomment %}", "{{!-- <img src=a> --}}", "<%-- <img> --%>"),
        *("{% highlight html %}<img src=a>{% endhighlight %}", "{/* <img src=a> */}", "<p x={<img alt=x />}>"),
        *("<script>{{ '<img src=a>' }}</script>", "<!-- {{ '<img src=a>' }} <img {...x}> -->"),
        *("<svg><image href=a /></svg>", "---\nx: <img src=a>\n---\n"),
    ],
)
def test_nothing_in_comments_and_code(text: str) -> None:
    assert images_in_html(text) == []


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        # lazy images
        ("<img src=wait.png data-src=a>", ["a"]),
        ("<img src=wait.png data-original=a.jpg>", ["a.jpg"]),
        ("<img src=wait.png data-lazy-src=a>", ["a"]),
        ("<img src=wait.png data-lazy=a.jpg>", ["a.jpg"]),
        ("<img src=wait.png data-lazyload='/a'>", ["/a"]),
        ("<img src=wait.png lazy-src=a>", ["a"]),
        ("<img src=wait.png data-echo=a.jpg>", ["a.jpg"]),
        ("<img src=wait.png data-cfsrc=a>", ["a"]),
        ("<img src=wait.png data-srcset='a 400w, b 800w'>", ["b", "a"]),
        ("<img src=wait.png data-src=a data-srcset='b 2x'>", ["a", "b"]),
        ("<img ng-src=a src=wait.png>", ["a"]),
        ("<img ngSrc=a>", ["a"]),
        ("<img src=wait.png data-src={a}>", ["{a}"]),
        ("<img src=wait.png data-lazy='{{ a }}'>", ["{{ a }}"]),
        ("<picture><source data-srcset=a><img src=wait.png></picture>", ["a"]),
        ("<img src=wait.png data-img=a.jpg>", ["a.jpg"]),
        ("<img src=wait.png data-url='/a.PNG?x'>", ["/a.PNG?x"]),
        ("<img src=a data-url=b.html data-photo=c @click=d @error='e => f'>", ["a"]),
        ("<img src=a data-lazy=true>", ["a"]),
        ("<img src=a data-src=''>", ["a"]),
        ("<img src=a data-error-src=b data-placeholder-src=c>", ["a"]),
        ("<img src=a data-zoom-image=b.jpg data-large_image=c.jpg>", ["a"]),
        ("<img src=a data-source-id=b data-title=c.d>", ["a"]),
        # several files of one picture
        ("<img src=a srcset='b 1x, c 2x'>", ["c", "b", "a"]),
        ("<img src=a srcset='b'>", ["b", "a"]),
        ("<img src=a srcset='b 300w,c 1200w , d 600w'>", ["c", "d", "b", "a"]),
        ("<img src=a srcset='b 2x'>", ["a", "b"]),
        ("<img srcset='a,b 1.5x,, c, d'>", ["a,b", "c", "d"]),
        ("<img src='data:image/gif;base64,R0' srcset='a 2x'>", ["a"]),
        ("<picture><source srcset='a 2x, b'><source src=x><img src=c></picture>", ["c", "a", "b"]),
        ("<picture><source srcset=a></picture><img src=b>", ["b"]),
        ("<img src=a data-lazy=0.5>", ["a"]),
        ("<video><source srcset=a></video><img>", [""]),
        # JSX
        ("<img src={'/a.jpg'} />", ["/a.jpg"]),
        ('<img src={ "a" } width={3} />', ["a"]),
        ("<img src={`/${a}.jpg`} />", ["{`/${a}.jpg`}"]),
        ("<img src={a > b ? c : d} />", ["{a > b ? c : d}"]),
        ("<img src=a onError={(e) => x(e)} style={{width: 3}} />", ["a"]),
        ("{x && <img src='a' />}", ["a"]),
        # templates
        ("<img src='{{ \"a\" | b }}' title='{{ 'c' }}'>", ['{{ "a" | b }}']),
        ("<img src={{ a }}>", ["{{ a }}"]),
        ('<img src="<?php echo "a" ?>">', ['<?php echo "a" ?>']),
        ("{% if x > 1 %}<img src=a>{% endif %}", ["a"]),
        ("{% raw %}<img src=a>{% endraw %}", ["a"]),
        ("<img src=a {# alt='x' #}>", ["a"]),
    ],
)
def test_photo_of_an_image(text: str, sources: list[str]) -> None:
    (image,) = understood(images_in_html(text))
    assert [image.source, *image.others] == sources


@pytest.mark.parametrize(
    ("text", "bases"),
    [
        ("<head><base href=/x/></head><img src=a><img src=b>", ["/x/", "/x/"]),
        ("<BASE HREF='a&amp;b/'><img src=a>", ["a&b/"]),
        ("<base target=_top><base href=/x/><base href=/y/><img src=a>", ["/x/"]),
        ("<base href=''><base href=/x/><img src=a>", [""]),
        ("<base href><base href=/x/><img src=a>", [""]),
        ("<base target=_top><img src=a>", [""]),
        # browsers load an image before they come to what is behind it
        ("<img src=a><base href=/x/><img src=b>", ["", "/x/"]),
        # no base of the document
        ("<!-- <base href=/x/> --><script>'<base href=/x/>'</script><title><base href=/x/></title><img src=a>", [""]),
        ("<template><base href=/x/></template><img src=a>", [""]),
        ("<template><template></template><base href=/x/></template><img src=a>", [""]),
        ("<noscript><base href=/x/></noscript><svg><base href=/y/></svg></base href=/z/><img src=a>", [""]),
        ("<template></template></template><base href=/x/><template><img src=a></template>", ["/x/"]),
        ("<basefont href=/x/><base-x href=/y/><base data-href=/z/><img src=a>", [""]),
    ],
)
def test_the_base(text: str, bases: list[str]) -> None:
    assert [image.base for image in images_in_html(text)] == bases


def test_the_text_is_escaped() -> None:
    (image,) = images_in_html("<img src=a>")
    assert image.insertion('A "b" & <c> isn\'t.') == ' alt="A &quot;b&quot; &amp; &lt;c&gt; isn\'t."'


PIECES = st.sampled_from(
    [
        *("<img src=a.jpg>", "<IMG\r\n src='b.jpg' />", '<img src="c" alt="">', "<img", "<img data-src=d>", " alt=x>"),
        *("<!--", "-->", "--!>", "<script>", "</script>", "<style>", "</style>", "<template>", "</template>", "<svg>"),
        *(
            "</svg>",
            "<![CDATA[",
            "]]>",
            "<p title='",
            "'",
            '"',
            ">",
            "<",
            "/",
            "=",
            "text",
            "é",
            "\x85",
            "\n",
            "\r",
            " ",
        ),
        *("&amp;", "<?", "<title>", "</title>", "<textarea>", "</textarea>"),
    ]
)


MANY = 20_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<p>text <img src=a>\n" * MANY, MANY),
        ("<picture>" + "<source srcset=a><img>" * MANY, MANY),
        ("<img srcset='" + "a 1x, " * MANY + "'>" + "<img>" * MANY, MANY + 1),
        ("<img " + "a " * MANY + ">", 1),
        ("<img " + "a={b} " * MANY + ">", 1),
        *[
            (piece * MANY, 0)
            for piece in (
                *(
                    "<",
                    "<!--",
                    "<a ",
                    "<a b='",
                    "<a b={",
                    "<a {",
                    "<img a={'",
                    '<p x="',
                    "<?",
                    "<! ",
                    "</",
                    "<svg><![CDATA[",
                ),
                *(
                    "<script>",
                    "<script><!--",
                    "<style>",
                    "<template>",
                    "<picture>",
                    "{{",
                    "{%",
                    "{#",
                    "{/*",
                    "a{/* b */c}",
                    "{`",
                ),
                *(
                    "{% comment %}",
                    "{%  code %}{{< code >}}",
                    "{{ <% {% {# ",
                    "<img {...x}>",
                    "<p a={<img />}>",
                    "<img data-alt>",
                ),
                *("<a-", "<a:img-", "{", "{{</script>"),
            )
        ],
    ],
    ids=lambda value: repr(value)[:20],
)
@pytest.mark.slow
def test_time_grows_with_the_length_alone(text: str, found: int) -> None:
    """With its square, each of these would take minutes."""
    assert len(understood(images_in_html(text))) == found


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_texts_make_every_image_found_be_found_no_more(text: str) -> None:
    pieces, at = [], 0
    images = images_in_html(text)
    for image in understood(images):
        pieces += [text[at : image.offset], image.insertion("A dog.")]
        at = image.offset
    then = images_in_html("".join([*pieces, text[at:]]))
    assert [image.review_reason for image in then] == [image.review_reason for image in images if image.review_reason]


@settings(deadline=None)
@given(st.text(alphabet="<>!-/=\"' aimgscriptsvg\n", max_size=60))
def test_any_text_is_read(text: str) -> None:
    for image in understood(images_in_html(text)):
        assert text[image.offset - 4 : image.offset] == "<img"
