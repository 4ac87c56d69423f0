package localaws

import java.io._
import java.net.{HttpURLConnection, URI, URLEncoder}
import java.nio.charset.StandardCharsets.UTF_8
import java.security.MessageDigest
import java.time.format.DateTimeFormatter
import java.time.{Instant, ZoneOffset}
import java.util.Base64
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec
import javax.xml.parsers.DocumentBuilderFactory

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs._
import org.apache.hadoop.fs.permission.FsPermission
import org.apache.hadoop.security.AccessControlException
import org.apache.hadoop.util.Progressable
import org.w3c.dom.Element

import scala.annotation.tailrec
import scala.collection.mutable.ArrayBuffer
import scala.jdk.CollectionConverters._

/** s3:// and s3a:// for Spark on the S3 endpoint in AWS_ENDPOINT_URL, with the semantics of an object store.
  *
  * An object appears when its stream is closed. A rename is a copy and a delete. A directory is a key prefix or a
  * zero-byte marker "name/", like those that Hadoop's own S3A writes. Nothing is cached between calls. Every object has
  * its own signed request, so the IAM checks in front of the local S3 apply to Spark as to any other client.
  */
class S3FileSystem extends FileSystem {
  private var root: URI = _
  private var workingDirectory: Path = _
  private var s3: S3Requests = _

  override def initialize(name: URI, conf: Configuration): Unit = {
    super.initialize(name, conf)
    setConf(conf)
    root = URI.create(s"${name.getScheme}://${name.getAuthority}")
    workingDirectory = new Path(s"$root/")
    s3 = new S3Requests(root.getAuthority)
  }

  override def getUri: URI = root
  override def getScheme: String = root.getScheme
  override def getWorkingDirectory: Path = workingDirectory
  override def setWorkingDirectory(path: Path): Unit = workingDirectory = path
  override def getDefaultBlockSize: Long = 64L << 20

  override def getFileStatus(path: Path): FileStatus = {
    val key = keyOf(path)
    if (key.isEmpty) directory("")
    else s3.head(key) match {
      case Some(found) => file(found)
      case None if s3.isPrefix(key + "/") => directory(key)
      case None => throw new FileNotFoundException(s"No such file or directory: $path")
    }
  }

  override def listStatus(path: Path): Array[FileStatus] = {
    val key = keyOf(path)
    val prefix = if (key.isEmpty) "" else key + "/"
    val listing = s3.list(prefix, delimiter = true)
    if (listing.isEmpty && key.nonEmpty) {
      val status = getFileStatus(path)
      if (status.isFile) Array(status) else Array.empty
    } else {
      val files = listing.objects.filterNot(_.key.endsWith("/")).map(file)
      (files ++ listing.prefixes.map(directory)).toArray
    }
  }

  override def open(path: Path, bufferSize: Int): FSDataInputStream =
    new FSDataInputStream(new ObjectInputStream(s3, keyOf(path), path, statistics))

  override def create(path: Path, permission: FsPermission, overwrite: Boolean, bufferSize: Int, replication: Short,
                      blockSize: Long, progress: Progressable): FSDataOutputStream = {
    if (!overwrite && exists(path)) throw new FileAlreadyExistsException(s"$path already exists")
    new FSDataOutputStream(new ObjectOutputStream(s3, keyOf(path)), statistics)
  }

  override def append(path: Path, bufferSize: Int, progress: Progressable): FSDataOutputStream =
    throw new UnsupportedOperationException("objects cannot be appended to")

  override def mkdirs(path: Path, permission: FsPermission): Boolean = {
    val key = keyOf(path)
    val there = if (key.isEmpty) Some(directory("")) else found(path)
    if (there.exists(_.isFile)) throw new FileAlreadyExistsException(s"$path is a file")
    if (there.isEmpty) s3.put(key + "/", Array.emptyByteArray)
    true
  }

  override def delete(path: Path, recursive: Boolean): Boolean = {
    val key = keyOf(path)
    if (key.nonEmpty && s3.head(key).isDefined) {
      s3.delete(Seq(key))
      true
    } else {
      val prefix = if (key.isEmpty) "" else key + "/"
      val keys = s3.list(prefix, delimiter = false).objects.map(_.key)
      if (!recursive && keys.exists(_ != prefix)) throw new PathIsNotEmptyDirectoryException(path.toString)
      s3.delete(keys)
      keys.nonEmpty
    }
  }

  override def rename(source: Path, target: Path): Boolean = found(source) match {
    case None => false
    case Some(status) =>
      val destination = found(target) match {
        case Some(there) if there.isDirectory => Some(new Path(target, source.getName))
        case Some(_) => None // Hadoop's contract: a rename does not overwrite an existing file
        case None => Some(target)
      }
      destination match {
        case None => false
        case Some(to) =>
          val (from, into) = (keyOf(source), keyOf(to))
          if (into == from || into.startsWith(from + "/")) false
          else {
            val keys = if (status.isFile) Seq(from) else s3.list(from + "/", delimiter = false).objects.map(_.key)
            keys.foreach(key => s3.copy(key, into + key.drop(from.length)))
            s3.delete(keys)
            true
          }
      }
  }

  private def found(path: Path): Option[FileStatus] =
    try Some(getFileStatus(path)) catch { case _: FileNotFoundException => None }

  private def keyOf(path: Path): String = makeQualified(path).toUri.getPath.stripPrefix("/")

  private def file(found: S3Object): FileStatus =
    new FileStatus(found.size, false, 1, getDefaultBlockSize, found.modified, new Path(s"$root/${found.key}"))

  private def directory(key: String): FileStatus =
    new FileStatus(0, true, 1, 0, 0, new Path(s"$root/${key.stripSuffix("/")}"))
}

case class S3Object(key: String, size: Long, modified: Long)

case class S3Listing(objects: Seq[S3Object], prefixes: Seq[String]) {
  def isEmpty: Boolean = objects.isEmpty && prefixes.isEmpty
}

/** Reads an object in ranges. The first range, read on opening, also shows whether the object exists and its size. */
private class ObjectInputStream(s3: S3Requests, key: String, path: Path, statistics: FileSystem.Statistics)
    extends FSInputStream {
  private val rangeBytes = 1 << 20
  private var start = 0L
  private var range: Array[Byte] = _
  private var position = 0L
  private var open = true
  private val size: Long = s3.getRange(key, 0, rangeBytes) match {
    case Some((bytes, total)) => range = bytes; total
    case None => throw new FileNotFoundException(s"No such file: $path")
  }

  override def getPos: Long = position
  override def seekToNewSource(target: Long): Boolean = false
  override def available(): Int = math.min(size - position, Int.MaxValue).toInt
  override def close(): Unit = { open = false; range = Array.emptyByteArray }

  override def seek(target: Long): Unit = {
    requireOpen()
    if (target < 0 || target > size) throw new EOFException(s"cannot seek to $target of $size bytes in $path")
    position = target
  }

  override def read(): Int = {
    val one = new Array[Byte](1)
    if (read(one, 0, 1) < 0) -1 else one(0) & 0xff
  }

  override def read(buffer: Array[Byte], offset: Int, length: Int): Int = {
    requireOpen()
    if (length == 0) 0
    else if (position >= size) -1
    else {
      if (position < start || position >= start + range.length) fetch(length)
      val from = (position - start).toInt
      val count = math.min(length, range.length - from)
      System.arraycopy(range, from, buffer, offset, count)
      position += count
      if (statistics != null) statistics.incrementBytesRead(count)
      count
    }
  }

  private def fetch(wanted: Int): Unit = {
    val (bytes, total) = s3.getRange(key, position, math.max(wanted, rangeBytes))
      .getOrElse(throw new FileNotFoundException(s"$path disappeared while it was read"))
    if (total != size || bytes.isEmpty) throw new IOException(s"$path changed while it was read")
    start = position
    range = bytes
  }

  private def requireOpen(): Unit = if (!open) throw new IOException(s"$path is closed")
}

/** Writes an object: small ones with one put, others in parts as they fill. Memory is bounded by one part. */
private class ObjectOutputStream(s3: S3Requests, key: String) extends OutputStream {
  private val partBytes = 8 << 20 // S3 accepts parts of 5 MiB or more, and at most 10000 of them
  private val part = new ByteArrayOutputStream()
  private var upload: Option[String] = None
  private val tags = ArrayBuffer[String]()
  private var done = false

  override def write(byte: Int): Unit = write(Array(byte.toByte), 0, 1)

  @tailrec final override def write(bytes: Array[Byte], offset: Int, length: Int): Unit = {
    if (done) throw new IOException(s"$key is closed")
    val count = math.min(length, partBytes - part.size)
    part.write(bytes, offset, count)
    if (count < length) {
      uploadPart()
      write(bytes, offset + count, length - count)
    }
  }

  override def close(): Unit = if (!done) {
    done = true
    if (upload.isEmpty) s3.put(key, part.toByteArray)
    else {
      uploadPart()
      abortOnFailure(s3.completeUpload(key, upload.get, tags.toSeq))
    }
  }

  private def uploadPart(): Unit = {
    if (upload.isEmpty) upload = Some(s3.createUpload(key))
    abortOnFailure(tags += s3.putPart(key, upload.get, tags.size + 1, part.toByteArray))
    part.reset()
  }

  private def abortOnFailure[T](action: => T): T =
    try action catch {
      case failure: IOException =>
        done = true
        try s3.abortUpload(key, upload.get) catch { case second: IOException => failure.addSuppressed(second) }
        throw failure
    }
}

/** Endpoint, region and credentials, which a run on Glue finds in its environment variables.
  *
  * A JVM serves several runs in sequence here, so the driver of each run sets its own values.
  */
object RunEnvironment {
  @volatile private var values: Map[String, String] = sys.env

  def set(variables: java.util.Map[String, String]): Unit = values = variables.asScala.toMap

  def get(name: String): Option[String] = values.get(name).filter(_.nonEmpty)

  def apply(name: String): String =
    get(name).getOrElse(throw new IOException(s"the environment variable $name, which S3 requests need, is not set"))
}

/** S3's REST API, path style, signed with AWS Signature Version 4 and the run's credentials. */
private class S3Requests(bucket: String) {
  private type Query = Seq[(String, String)]
  private case class Answer(status: Int, body: Array[Byte], connection: HttpURLConnection) {
    def xml: Element =
      DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(body)).getDocumentElement
  }

  private val endpoint = URI.create(RunEnvironment("AWS_ENDPOINT_URL").stripSuffix("/"))
  private val region = RunEnvironment("AWS_REGION")
  private val accessKey = RunEnvironment("AWS_ACCESS_KEY_ID")
  private val secretKey = RunEnvironment("AWS_SECRET_ACCESS_KEY")
  private val sessionToken = RunEnvironment.get("AWS_SESSION_TOKEN")

  def head(key: String): Option[S3Object] = {
    val answer = send("HEAD", key)
    if (answer.status == 404) None
    else Some(S3Object(key, answer.connection.getHeaderFieldLong("Content-Length", 0), answer.connection.getLastModified))
  }

  /** Returns at most `length` bytes from `start` on and the object's size, or None if the object does not exist. */
  def getRange(key: String, start: Long, length: Int): Option[(Array[Byte], Long)] = {
    val answer = send("GET", key, headers = Seq("range" -> s"bytes=$start-${start + length - 1}"))
    answer.status match {
      case 404 => None
      case 416 => Some((Array.emptyByteArray, 0L)) // an empty object has no valid range
      case 206 => Some((answer.body, answer.connection.getHeaderField("Content-Range").split('/').last.toLong))
      case _ => Some((answer.body, answer.body.length.toLong))
    }
  }

  def put(key: String, body: Array[Byte]): Unit = required(send("PUT", key, body = Some(body)), key)

  def copy(from: String, to: String): Unit = {
    val source = s"/$bucket/${S3Requests.encodePath(from)}"
    val answer = required(send("PUT", to, body = Some(Array.emptyByteArray), headers = Seq("x-amz-copy-source" -> source)), from)
    // CopyObject may return status 200 and an error in the body.
    if (answer.xml.getTagName == "Error") throw new IOException(s"copy of s3://$bucket/$from failed: ${text(answer.body)}")
  }

  def delete(keys: Seq[String]): Unit = keys.grouped(1000).foreach {
    case Seq(key) => send("DELETE", key)
    case batch =>
      val objects = batch.map(key => s"<Object><Key>${escape(key)}</Key></Object>").mkString
      val body = s"<Delete><Quiet>true</Quiet>$objects</Delete>".getBytes(UTF_8)
      val md5 = Base64.getEncoder.encodeToString(MessageDigest.getInstance("MD5").digest(body))
      val answer = required(send("POST", "", Seq("delete" -> ""), Some(body), Seq("content-md5" -> md5)), "")
      val errors = answer.xml.getElementsByTagName("Error")
      if (errors.getLength > 0) {
        val message = s"DeleteObjects in s3://$bucket: ${text(answer.body)}"
        if (message.contains("AccessDenied")) throw new AccessControlException(message)
        throw new IOException(message)
      }
  }

  def isPrefix(prefix: String): Boolean = !listPage(prefix, delimiter = false, limit = 1, None)._1.isEmpty

  def list(prefix: String, delimiter: Boolean): S3Listing = {
    @tailrec def pages(before: S3Listing, token: Option[String]): S3Listing = {
      val (page, next) = listPage(prefix, delimiter, limit = 1000, token)
      val sum = S3Listing(before.objects ++ page.objects, before.prefixes ++ page.prefixes)
      if (next.isEmpty) sum else pages(sum, next)
    }
    pages(S3Listing(Seq(), Seq()), None)
  }

  def createUpload(key: String): String =
    child(required(send("POST", key, Seq("uploads" -> ""), Some(Array.emptyByteArray)), key).xml, "UploadId")

  def putPart(key: String, upload: String, number: Int, body: Array[Byte]): String = {
    val query = Seq("partNumber" -> number.toString, "uploadId" -> upload)
    required(send("PUT", key, query, Some(body)), key).connection.getHeaderField("ETag")
  }

  def completeUpload(key: String, upload: String, tags: Seq[String]): Unit = {
    val parts = tags.zipWithIndex.map { case (tag, n) =>
      s"<Part><PartNumber>${n + 1}</PartNumber><ETag>${escape(tag)}</ETag></Part>"
    }
    val body = parts.mkString("<CompleteMultipartUpload>", "", "</CompleteMultipartUpload>").getBytes(UTF_8)
    val answer = required(send("POST", key, Seq("uploadId" -> upload), Some(body)), key)
    if (answer.xml.getTagName == "Error") throw new IOException(s"upload of s3://$bucket/$key failed: ${text(answer.body)}")
  }

  def abortUpload(key: String, upload: String): Unit = send("DELETE", key, Seq("uploadId" -> upload))

  private def listPage(prefix: String, delimiter: Boolean, limit: Int, token: Option[String]): (S3Listing, Option[String]) = {
    val query = Seq("list-type" -> "2", "prefix" -> prefix, "max-keys" -> limit.toString) ++
      (if (delimiter) Seq("delimiter" -> "/") else Seq()) ++ token.map("continuation-token" -> _)
    val answer = send("GET", "", query)
    if (answer.status == 404) throw new FileNotFoundException(s"bucket $bucket does not exist")
    val xml = answer.xml
    val objects = children(xml, "Contents").map { item =>
      S3Object(child(item, "Key"), child(item, "Size").toLong, Instant.parse(child(item, "LastModified")).toEpochMilli)
    }
    val next = if (child(xml, "IsTruncated") == "true") Some(child(xml, "NextContinuationToken")) else None
    (S3Listing(objects, children(xml, "CommonPrefixes").map(child(_, "Prefix"))), next)
  }

  private def required(answer: Answer, key: String): Answer =
    if (answer.status == 404) throw new FileNotFoundException(s"s3://$bucket/$key: ${text(answer.body)}") else answer

  /** Sends a request. All requests are idempotent, so a broken connection or a 5xx status is retried twice. */
  private def send(method: String, key: String, query: Query = Seq(), body: Option[Array[Byte]] = None,
                   headers: Seq[(String, String)] = Seq()): Answer = {
    @tailrec def attempt(left: Int): Answer = {
      val outcome = try Right(sendOnce(method, key, query, body, headers)) catch { case e: IOException => Left(e) }
      outcome match {
        case Right(reply) if reply.status < 500 => reply
        case _ if left > 0 => Thread.sleep(100); attempt(left - 1)
        case Right(reply) => throw new IOException(s"$method s3://$bucket/$key: ${reply.status} ${text(reply.body)}")
        case Left(failure) => throw new IOException(s"$method s3://$bucket/$key: $failure", failure)
      }
    }
    val answer = attempt(left = 2)
    val message = s"$method s3://$bucket/$key: ${answer.status} ${text(answer.body)}"
    if (answer.status == 403) throw new AccessControlException(message)
    if (answer.status >= 300 && answer.status != 404 && answer.status != 416) throw new IOException(message)
    answer
  }

  private def sendOnce(method: String, key: String, query: Query, body: Option[Array[Byte]],
                       headers: Seq[(String, String)]): Answer = {
    val path = s"${endpoint.getRawPath}/$bucket/${S3Requests.encodePath(key)}".stripSuffix(if (key.isEmpty) "/" else "")
    val canonicalQuery = query.map { case (k, v) => s"${S3Requests.encode(k)}=${S3Requests.encode(v)}" }.sorted.mkString("&")
    val address = s"${endpoint.getScheme}://${endpoint.getRawAuthority}$path" +
      (if (canonicalQuery.isEmpty) "" else s"?$canonicalQuery")
    val connection = URI.create(address).toURL.openConnection().asInstanceOf[HttpURLConnection]
    connection.setInstanceFollowRedirects(false)
    connection.setConnectTimeout(10000)
    connection.setReadTimeout(60000)
    connection.setRequestMethod(method)
    sign(method, path, canonicalQuery, headers, body.getOrElse(Array.emptyByteArray))
      .foreach { case (name, value) => if (name != "host") connection.setRequestProperty(name, value) }
    body.foreach { bytes =>
      // By default, Java labels a POST as a web form, and some servers then parse it as one.
      connection.setRequestProperty("content-type", "application/octet-stream")
      connection.setDoOutput(true)
      connection.setFixedLengthStreamingMode(bytes.length)
      val out = connection.getOutputStream
      try out.write(bytes) finally out.close()
    }
    val status = connection.getResponseCode
    val in = if (status >= 400) connection.getErrorStream else connection.getInputStream
    val answer = if (in == null) Array.emptyByteArray else try in.readAllBytes() finally in.close()
    Answer(status, answer, connection)
  }

  /** Returns the request's headers including the signature.
    * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
  private def sign(method: String, path: String, query: String, headers: Seq[(String, String)],
                   body: Array[Byte]): Seq[(String, String)] = {
    val time = S3Requests.TimeFormat.format(Instant.now())
    val scope = s"${time.take(8)}/$region/s3/aws4_request"
    val hash = S3Requests.hex(MessageDigest.getInstance("SHA-256").digest(body))
    val signed = (headers ++ Seq("host" -> endpoint.getRawAuthority, "x-amz-date" -> time, "x-amz-content-sha256" -> hash) ++
      sessionToken.map("x-amz-security-token" -> _)).sortBy(_._1)
    val names = signed.map(_._1).mkString(";")
    val lines = signed.map { case (name, value) => s"$name:$value\n" }.mkString
    val request = s"$method\n$path\n$query\n$lines\n$names\n$hash"
    val digest = S3Requests.hex(MessageDigest.getInstance("SHA-256").digest(request.getBytes(UTF_8)))
    val key = Seq(time.take(8), region, "s3", "aws4_request").foldLeft(s"AWS4$secretKey".getBytes(UTF_8))(S3Requests.hmac)
    val signature = S3Requests.hex(S3Requests.hmac(key, s"AWS4-HMAC-SHA256\n$time\n$scope\n$digest"))
    signed :+ ("authorization" ->
      s"AWS4-HMAC-SHA256 Credential=$accessKey/$scope, SignedHeaders=$names, Signature=$signature")
  }

  private def children(parent: Element, name: String): Seq[Element] = {
    val nodes = parent.getElementsByTagName(name)
    (0 until nodes.getLength).map(nodes.item(_).asInstanceOf[Element])
  }

  private def child(parent: Element, name: String): String = children(parent, name).headOption.fold("")(_.getTextContent)

  private def text(body: Array[Byte]): String = new String(body, UTF_8).replaceAll("<[^>]+>", " ").trim

  private def escape(value: String): String = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
}

private object S3Requests {
  val TimeFormat: DateTimeFormatter = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC)

  /** Encodes as in RFC 3986, which the signature requires. */
  def encode(text: String): String =
    URLEncoder.encode(text, UTF_8).replace("+", "%20").replace("*", "%2A").replace("%7E", "~")

  def encodePath(key: String): String = key.split("/", -1).map(encode).mkString("/")

  def hmac(key: Array[Byte], text: String): Array[Byte] = {
    val mac = Mac.getInstance("HmacSHA256")
    mac.init(new SecretKeySpec(key, "HmacSHA256"))
    mac.doFinal(text.getBytes(UTF_8))
  }

  def hex(bytes: Array[Byte]): String = bytes.map(byte => f"${byte & 0xff}%02x").mkString
}
